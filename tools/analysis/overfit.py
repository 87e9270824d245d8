"""Can a model overfit a few samples? Trains it on the first items of its training set, and tests it on the same items.

    python tools/analysis/overfit.py configs/captioning/slan_small_coco_mini_captioning.py --metric caption/exact
    python tools/analysis/overfit.py configs/vqa/slan_small_coco_mini_vqa.py --items 20 --metric vqa/accuracy

A head that cannot is broken, whatever its loss is. The items are the first of different images, or, with
``--no-each-image``, simply the first ones; one batch has them all. Optimizer and losses are the config's, the learning
rate is constant after a warm-up, dropout is off. The score is that of the config's validation metric, by the same
prediction as in any test. With ``--at-least`` a lower score is a failure.
"""

import argparse
import sys
import time

from slan_mm.arguments import real, usable_device
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Trains on a few items and tests on the same.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--items', type=positive, default=16, help='items to learn')
    parser.add_argument('--each-image', action=argparse.BooleanOptionalAction, default=True, help='one item an image')
    parser.add_argument('--iterations', type=positive, default=300, help='steps on the one batch')
    parser.add_argument('--lr', type=option(real(0, above=True)), help="learning rate (default: the config's)")
    parser.add_argument('--metric', required=True, help='name of the score, e.g. caption/exact')
    parser.add_argument('--at-least', type=option(real()), help='exit with 1 below this score')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from torch import nn

from slan_mm.config import read_config
from slan_mm.environment import smoke_asked_for
from slan_mm.registry import DATASETS, MODELS

WARMUP = 20


def first_items(dataset_cfg: dict, count: int, each_image: bool) -> list[dict]:
    """The first ``count`` items, each of another image if ``each_image``.

    Raises:
        ValueError: The data set has fewer.
    """
    dataset = DATASETS.build(dataset_cfg)
    items, images = [], set()
    for index in range(len(dataset)):
        image_id = dataset.get_data_info(index).get('image_id', index) if each_image else index
        if image_id not in images:
            images.add(image_id)
            items.append(dataset[index])
        if len(items) == count:
            return items
    raise ValueError(f'the training set has only {len(items)} items to choose, {count} were asked for')


def without_dropout(model: nn.Module) -> nn.Module:
    """``model`` in training mode, its dropout layers not: what is to be learnt by heart must not be hidden."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return model


def train(model: nn.Module, cfg: Config, batch: dict, iterations: int) -> float:
    """Steps on ``batch``; returns the last loss."""
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    rates = [group['lr'] for group in wrapper.param_groups]
    start = time.monotonic()
    for iteration in range(1, iterations + 1):
        for group, rate in zip(wrapper.param_groups, rates, strict=True):
            group['lr'] = rate * min(1.0, iteration / WARMUP)
        log = without_dropout(model).train_step(batch, wrapper)
        if iteration % max(1, iterations // 10) == 0:
            used = time.monotonic() - start
            print(f'{iteration}/{iterations}: loss {float(log["loss"]):.4f}, {used:.0f} s', flush=True)
    return float(log['loss'])


def evaluator_of(cfg: Config) -> Evaluator:
    """The config's validation metrics, of its only task.

    Raises:
        ValueError: It has several tasks, or one that needs its whole data set.
    """
    tasks = list(cfg.val_evaluator.values()) if 'metrics' not in cfg.val_evaluator else [cfg.val_evaluator]
    if len(tasks) != 1 or 'metrics' not in tasks[0]:
        raise ValueError('the validation of the config should be one task whose metrics take samples')
    return Evaluator(tasks[0].metrics)


@one_line_errors
def main(arguments: list[str] | None = None) -> int:
    """Trains, tests, prints; returns the exit code."""
    options = parse_options(arguments)
    if smoke_asked_for():
        print('SLAN_SMOKE is set: two iterations, and the score is not judged')
        options.iterations, options.at_least = 2, None
    cfg = read_config(options.config, options.cfg_options)
    if options.lr is not None:
        cfg.optim_wrapper.optimizer.lr = options.lr
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    set_random_seed(cfg.randomness.seed)
    batch = pseudo_collate(first_items(cfg.train_dataloader.dataset, options.items, options.each_image))
    model = MODELS.build(cfg.model)
    model.init_weights()
    train(model.to(usable_device(options.device)), cfg, batch, options.iterations)

    evaluator = evaluator_of(cfg)
    samples = model.eval().val_step(batch)
    evaluator.process(data_samples=samples, data_batch=batch)
    metrics = evaluator.evaluate(len(samples))
    for name, value in metrics.items():
        print(f'{name}: {value:.2f}')
    if options.metric not in metrics:
        sys.exit(f'there is no score {options.metric}')
    reached = options.at_least is None or metrics[options.metric] >= options.at_least
    print(f'{options.metric} on {len(samples)} items it was trained on: {metrics[options.metric]:.1f}', end='')
    print(
        ''
        if options.at_least is None
        else f', at least {options.at_least:g} was asked for: {"yes" if reached else "NO"}'
    )
    return 0 if reached else 1


if __name__ == '__main__':
    sys.exit(main())
