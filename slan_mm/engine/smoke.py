"""Any config as a smoke run: the real model, a few samples, a few iterations. Does it all work?

``SLAN_SMOKE=1`` in the environment makes every training, evaluation and caching one. Its numbers mean nothing.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from slan_mm.engine.start_losses import start_losses
from slan_mm.registry import DATASETS

ITERATIONS = 4
BATCH_SIZE = 4
SAMPLES = {'train': 64, 'val': 12, 'test': 12}
#: How data sets that draw their samples call the number of them.
COUNTS = ('num_images', 'num_sentences', 'num_videos')


def make_smoke_run(cfg: Config) -> None:
    """Shortens ``cfg``, in place: samples, iterations, and what waits for a late iteration. Streams stay whole."""
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    steps = (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    if cfg.get('train_dataloader') is not None:
        loop = cfg.train_cfg
        for name in ('max_epochs', 'validations'):
            loop.pop(name, None)
        loop.max_iters = loop.val_interval = ITERATIONS * steps
        cfg.train_dataloader.batch_size = min(cfg.train_dataloader.batch_size, BATCH_SIZE)
        take_few(cfg.train_dataloader.dataset, SAMPLES['train'])
        for scheduler in cfg.get('param_scheduler') or []:
            if scheduler.get('end', 0) > loop.max_iters:
                scheduler.end = loop.max_iters
    start_losses(cfg.model, 2)
    for mode in ('val', 'test'):
        loaders = cfg.get(f'{mode}_dataloader') or {}
        for loader in [loaders] if 'dataset' in loaders else loaders.values():
            take_few(loader.dataset, SAMPLES[mode])
        evaluators = cfg.get(f'{mode}_evaluator') or {}
        # One of each task, or what MMEngine takes: a metric, or a list of metrics.
        for evaluator in evaluators.values() if isinstance(evaluators, Mapping) else evaluators:
            if isinstance(evaluator, Mapping) and evaluator.get('type') == 'RetrievalEvaluator':
                evaluator.k = BATCH_SIZE
                if evaluator.get('full_k') is not None:
                    evaluator.full_k = min(evaluator.full_k, BATCH_SIZE)
    hooks = cfg.get('default_hooks') or {}
    if 'checkpoint' in hooks:
        hooks.checkpoint.interval = ITERATIONS * steps // 2
    if 'logger' in hooks:
        hooks.logger.interval = 1


def take_few(dataset: Any, count: int) -> None:
    """At most ``count`` samples of a data set's config, in place: as many are drawn, or so many of a file read."""
    for part in dataset.get('datasets', []):
        take_few(part, count)
    kind = DATASETS.get(dataset['type'])
    for name in (*COUNTS, 'indices' if issubclass(kind, BaseDataset) else ''):
        if name in _parameters(kind):
            dataset[name] = min(dataset.get(name) or count, count)
            return


def _parameters(kind: type) -> set[str]:
    """What a class can be given: its own parameters, and those of its bases as far as it hands others on to them."""
    names: set[str] = set()
    for base in kind.__mro__:
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            names |= set(parameters)
            if all(parameter.kind != parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return names
