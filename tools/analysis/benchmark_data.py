"""Times the data pipeline alone, beside the training that it feeds, in images a second.

    python tools/analysis/benchmark_data.py configs/pretrain/slan_tiny_shapes.py
    python tools/analysis/benchmark_data.py configs/pretrain/slan_small_flickr8k.py

The config's training data loader yields batches, and its model takes training steps on them, in turns in one process.
Results are medians over the rounds. ITM's negatives take part from the first step on, as in most of a training. The
loader runs without workers, so the last line can say which share of an iteration the data take; each worker adds as
much on its own core.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Times the data pipeline beside the training that it feeds.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--rounds', type=positive, default=5, help='rounds that are timed')
    parser.add_argument('--batches', type=positive, default=4, help='batches that the pipeline loads in a round')
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from measuring import alternate
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from torch.utils.data import DataLoader

from slan_mm.config import read_config
from slan_mm.engine.start_losses import start_losses
from slan_mm.malloc import keep_freed_memory
from slan_mm.registry import MODELS


def build_loader(cfg: Config) -> DataLoader:
    """The training data loader of ``cfg``, without worker processes."""
    loader = cfg.train_dataloader
    loader.update(num_workers=0, persistent_workers=False)
    loader.pop('prefetch_factor', None)
    return Runner.build_dataloader(loader, seed=0)


class Feed:
    """Batches of a loader, one after the other; ``batch`` is the latest."""

    def __init__(self, loader: DataLoader) -> None:
        self.iterator: Iterator[dict] = iter(loader)
        self.batch = next(self.iterator)

    def load(self, count: int) -> None:
        """Loads ``count`` batches."""
        for _ in range(count):
            self.batch = next(self.iterator)


@one_line_errors
def main() -> None:
    """Measures and prints."""
    options = parse_options()
    cfg = read_config(options.config, options.cfg_options)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    MMLogger.get_current_instance().setLevel('ERROR')
    keep_freed_memory()
    set_random_seed(0)
    start_losses(cfg.model)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model.train(), cfg.optim_wrapper)
    feed = Feed(build_loader(cfg))
    result = alternate(
        dict(pipeline=lambda: feed.load(options.batches), training=lambda: model.train_step(feed.batch, wrapper)),
        options.rounds,
    )
    size = len(feed.batch['inputs'])
    load, train = result.median('pipeline') / options.batches, result.median('training')
    print(
        f'{Path(options.config).stem}: batches of {size}, {torch.get_num_threads()} thread(s), '
        f'medians of {options.rounds} rounds'
    )
    print(f'pipeline alone: {size / load:.0f} pictures/s')
    print(f'training alone: {size / train:.0f} pictures/s')
    print(f'the data take {100 * load / (load + train):.1f} % of an iteration')


if __name__ == '__main__':
    main()
