"""A validation or test loop over several tasks, each with its own data and evaluator."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader

from slan_mm.evaluation.dataset_title import dataset_title
from slan_mm.registry import EVALUATOR, LOOPS


class TaskLoaders:
    """The loaders by task name. Its length is the number of batches that pass through the hooks.

    So a hook that asks ``len(runner.val_dataloader)`` for a time left gets the right number. A task whose evaluator
    walks its own loader (it has ``run``) adds nothing. (Not a dict: BaseLoop takes a dict for the config of one
    loader.)
    """

    def __init__(self, loaders: dict[str, DataLoader], batches: int) -> None:
        self.loaders = loaders
        self.batches = batches

    def __getitem__(self, name: str) -> DataLoader:
        return self.loaders[name]

    def __len__(self) -> int:
        return self.batches


@LOOPS.register_module()
class TaskLoop(BaseLoop):
    """Runs named tasks one after another and merges their metrics; the same class validates and tests.

    .. code-block:: python

        val_cfg = dict(type='TaskLoop')
        val_dataloader = dict(retrieval=dict(...), grounding=dict(...))
        val_evaluator = dict(
            retrieval=dict(type='RetrievalEvaluator'),
            grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
        )

    An evaluator with a method ``run(model, dataloader) -> dict`` is called with the whole loader. Any other is
    mmengine's Evaluator, or a metric or list of metrics for one: it gets the model's ``val_step`` (``test_step``)
    batch by batch, with the hooks before and after each. All other hooks are called once, around all tasks, as
    mmengine's loops do, so that ``CheckpointHook(save_best='retrieval/i2t_R1')`` sees the merged metrics.

    Args:
        runner: the runner.
        dataloader: loader, or config of one, of each task.
        evaluator: evaluator, or config of one, of each task; the same names.
        fp16: evaluate under autocast.

    Attributes:
        task: name of the task that is running, or ran last.

    Raises:
        ValueError: if the names of loaders and evaluators differ, there is none, or two tasks give one metric name.
    """

    def __init__(
        self, runner: Runner, dataloader: Mapping[str, Any], evaluator: Mapping[str, Any], fp16: bool = False
    ) -> None:
        # A wrong shape is told before any data set is built, which can take minutes.
        _check_names(dataloader, evaluator)
        loaders = {name: runner.build_dataloader(loader, seed=runner.seed) for name, loader in dataloader.items()}
        self.evaluator = {name: _build_evaluator(runner, cfg) for name, cfg in evaluator.items()}
        batches = sum(len(loaders[name]) for name, item in self.evaluator.items() if not hasattr(item, 'run'))
        super().__init__(runner, TaskLoaders(loaders, batches))
        for name, item in self.evaluator.items():
            dataset = loaders[name].dataset
            item.dataset_meta = {'title': dataset_title(dataset), **getattr(dataset, 'metainfo', {})}
            if hasattr(item, 'run_config'):
                item.run_config = _config_of(runner, dataloader[name])
        self.fp16 = fp16
        self.task = ''

    @torch.no_grad()
    def run(self) -> dict[str, Any]:
        """Runs all tasks and returns their merged metrics."""
        # Runner builds validation and test loops alike; which one this is, only the runner's own slot tells. Its
        # public properties would build the other loop, and with it the other data sets.
        mode = 'test' if self.runner._test_loop is self else 'val'
        self.runner.call_hook(f'before_{mode}')
        self.runner.call_hook(f'before_{mode}_epoch')
        # A model split over ranks is evaluated whole: ranks may have different numbers of batches.
        model = self.runner.evaluation_model() if hasattr(self.runner, 'evaluation_model') else self.runner.model
        model.eval()
        results: dict[str, dict[str, Any]] = {}
        done = 0
        # Tasks that go batch by batch come first, so that a timer hook counts no other task's time as theirs.
        for name in sorted(self.evaluator, key=lambda name: hasattr(self.evaluator[name], 'run')):
            evaluator, loader, start = self.evaluator[name], self.dataloader[name], time.monotonic()
            self.task = name
            print_log(f'Task {name}: {len(loader)} batches', logger='current')
            if hasattr(evaluator, 'run'):
                with autocast(enabled=self.fp16):
                    results[name] = evaluator.run(model, loader)
            else:
                results[name] = self._run_batches(mode, model, loader, evaluator, done)
                done += len(loader)
            print_log(f'Task {name} took {time.monotonic() - start:.1f} s', logger='current')
        metrics = _merge({name: results[name] for name in self.evaluator})
        self.runner.call_hook(f'after_{mode}_epoch', metrics=metrics)
        self.runner.call_hook(f'after_{mode}')
        return metrics

    def _run_batches(
        self, mode: str, model: nn.Module, loader: DataLoader, evaluator: Evaluator, first: int
    ) -> dict[str, Any]:
        """Feeds an evaluator batch by batch; ``first`` batches went through the hooks before."""
        step = model.test_step if mode == 'test' else model.val_step
        for index, batch in enumerate(loader, start=first):
            self.runner.call_hook(f'before_{mode}_iter', batch_idx=index, data_batch=batch)
            with autocast(enabled=self.fp16):
                outputs = step(batch)
            evaluator.process(data_samples=outputs, data_batch=batch)
            self.runner.call_hook(f'after_{mode}_iter', batch_idx=index, data_batch=batch, outputs=outputs)
        return evaluator.evaluate(len(loader.dataset))


def _config_of(runner: Runner, dataloader: Any) -> dict[str, Any]:
    """What the config says of the model and of a task's data set."""
    dataset = dataloader.get('dataset') if isinstance(dataloader, Mapping) else None
    return {'model': runner.cfg.get('model'), 'dataset': dataset if isinstance(dataset, Mapping) else None}


def _merge(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The metrics of all tasks, in the order of the config."""
    metrics: dict[str, Any] = {}
    for name, result in results.items():
        twice = sorted(metrics.keys() & result.keys())
        if twice:
            raise ValueError(f'Task {name!r} gives metrics that an earlier task gives too: {twice}. Set a prefix.')
        metrics.update(result)
    return metrics


def _check_names(dataloader: Any, evaluator: Any) -> None:
    for what, value in (('dataloader', dataloader), ('evaluator', evaluator)):
        if not isinstance(value, Mapping) or 'dataset' in value or 'type' in value or 'metrics' in value:
            raise ValueError(
                f'TaskLoop needs one {what} for each task, as dict(task_name=dict(...)); it got a single {what}. '
                'Give it a name, or use mmengine ValLoop / TestLoop for a single task.'
            )
    if not dataloader or set(dataloader) != set(evaluator):
        raise ValueError(
            f'TaskLoop needs the same task names, at least one, in dataloader {sorted(dataloader)} '
            f'and evaluator {sorted(evaluator)}.'
        )


def _build_evaluator(runner: Runner, config: Any) -> Any:
    if isinstance(config, Mapping) and 'type' in config and EVALUATOR.get(config['type']) is not None:
        return EVALUATOR.build(config)
    return config if hasattr(config, 'run') else runner.build_evaluator(config)
