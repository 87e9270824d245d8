"""What a run is, in a line at its start, and what it found, in a table at the end of each evaluation."""

from __future__ import annotations

from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import nn

from slan_mm.engine.console import keep_off_console
from slan_mm.evaluation.metrics_table import metrics_table
from slan_mm.registry import HOOKS

#: MMEngine's line of all metrics, some dozens.
_METRICS_LINE = r'(Iter|Epoch)\((val|test)\) .*\[(\d+)/\3\]'


@HOOKS.register_module()
class MetricsTableHook(Hook):
    """Logs ``metrics_table`` of a validation's and a test's metrics, in all configs by ``configs/default_runtime.py``.

    On the console the table stands in place of MMEngine's line of all metrics, which the log file keeps. Chance of
    retrieval's R@1 comes from the galleries that were evaluated.
    """

    priority = 'LOWEST'

    def before_run(self, runner: Any) -> None:
        keep_off_console(runner.logger, _METRICS_LINE)

    def before_train(self, runner: Any) -> None:
        runner.logger.info(describe_model(runner.model))
        runner.logger.info(f'the whole log, with environment, config and hooks, is in {runner.log_dir}')

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        self._log(runner, runner.val_loop, metrics)

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        self._log(runner, runner.test_loop, metrics)

    def _log(self, runner: Any, loop: Any, metrics: dict[str, float] | None) -> None:
        if not metrics or not is_main_process():
            return
        evaluators = getattr(loop, 'evaluator', None)
        chance = {
            f'{item.prefix}/chance_R1': 100 / len(item.gallery.image_ids)
            for item in (evaluators.values() if isinstance(evaluators, dict) else [])
            if getattr(item, 'gallery', None) is not None
        }
        runner.logger.info('Metrics:\n\n' + metrics_table({**metrics, **chance}) + '\n')


def describe_model(model: nn.Module) -> str:
    """Its type, how many parameters it has, and how many of them are not trained."""
    model = getattr(model, 'module', model)
    frozen = [value for value in model.parameters() if not value.requires_grad]
    total = sum(value.numel() for value in model.parameters())
    text = f'{type(model).__name__}: {total:,} parameters'
    if frozen:
        text += f', {sum(value.numel() for value in frozen):,} of them, in {len(frozen)} tensors, frozen'
    return text
