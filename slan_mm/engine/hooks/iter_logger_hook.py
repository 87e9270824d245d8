"""The log of a run that counts iterations."""

from typing import Any

from mmengine.hooks import LoggerHook
from torch.utils.data import DataLoader

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class IterLoggerHook(LoggerHook):
    """MMEngine's logger hook, for which the end of the run is the only end of an epoch.

    So the last iteration is logged whatever the interval. Arguments are those of ``mmengine.hooks.LoggerHook``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{'ignore_last': False, 'log_metric_by_epoch': False, **kwargs})
        self._is_last = False

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        self._is_last = self.is_last_train_iter(runner)
        super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def end_of_epoch(self, dataloader: DataLoader, batch_idx: int) -> bool:
        return self._is_last
