"""One training step and one prediction of a full-size model on this machine's CPU, with random weights and images.

    python tools/analysis/try_full_size.py configs/pretrain/slan_r50_14m.py

Says whether the model fits and trains, how long a step takes, and the peak of memory. Model, losses, optimizer and
precision are the config's. Only the text encoder's weights and tokenizer are replaced, so that nothing is fetched, and
ITM begins at the first iteration.
"""

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='One training step and one prediction of a full-size model.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--batch-size', type=positive, default=2)
    parser.add_argument('--size', type=positive, default=224, help='side of the pictures')
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from count_params import offline_model
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample

from slan_mm.config import read_config
from slan_mm.engine.start_losses import start_losses
from slan_mm.registry import MODELS

CAPTIONS = (
    'a small red circle next to a large blue square and a green star',
    'a large yellow cross above a small purple diamond',
)


def random_batch(batch_size: int, size: int, captions: Sequence[str] = CAPTIONS) -> dict:
    """A batch as a data loader yields it: noise, ``captions`` in turn, one phrase each."""
    samples = []
    for index in range(batch_size):
        sample = DataSample()
        shape = (size, size)
        sample.set_metainfo(
            dict(
                image_id=str(index),
                sample_id=str(index),
                img_path=f'random://{index}',
                ori_shape=shape,
                img_shape=shape,
            )
        )
        sample.set_field(captions[index % len(captions)], 'text')
        sample.set_field([dict(spans=[[0, 18]], boxes=torch.zeros(0, 4), category=None, phrase_id='0')], 'phrases')
        samples.append(sample)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8, generator=generator)
    return dict(inputs=list(pictures), data_samples=samples)


def peak_gib() -> float:
    """The most memory that this process has held so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def timed(what: str, function: Callable[[], Any]) -> Any:
    """Calls ``function``, prints how long it took and the peak of memory, and returns its result."""
    start, start_cpu = time.perf_counter(), time.process_time()
    result = function()
    wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(f'{what}: {wall:.1f} s ({cpu:.1f} s of CPU time), peak memory {peak_gib():.1f} GiB', flush=True)
    return result


@one_line_errors
def main() -> None:
    """Builds, steps and predicts."""
    options = parse_options()
    cfg = read_config(options.config, options.cfg_options)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    # One line for every parameter's weight decay says nothing here.
    MMLogger.get_current_instance().setLevel('ERROR')
    torch.manual_seed(0)
    model_cfg = offline_model(cfg)
    start_losses(model_cfg)
    print(f'{Path(options.config).stem}, {options.batch_size} pictures of {options.size} x {options.size}, ', end='')
    print(f'{cfg.optim_wrapper.type}, {torch.get_num_threads()} thread(s)')

    model = timed('build', lambda: MODELS.build(model_cfg))
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = random_batch(options.batch_size, options.size)
    model.train()
    losses = timed('training step', lambda: model.train_step(batch, wrapper))
    print('  ' + ', '.join(f'{name} {value.item():.3f}' for name, value in losses.items() if 'loss' in name))
    if not all(torch.isfinite(value).all() for value in (*losses.values(), *model.parameters())):
        raise RuntimeError('a loss or a parameter is not finite')
    model.eval()
    with torch.no_grad():
        samples = timed('prediction', lambda: model.val_step(random_batch(options.batch_size, options.size)))
    level = samples[0].pred_phrases[0][-1]
    print(f'  {len(level["boxes"])} regions; the best: {[round(value) for value in level["boxes"][0].tolist()]} pixels')


if __name__ == '__main__':
    main()
