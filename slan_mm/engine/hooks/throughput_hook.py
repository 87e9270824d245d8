"""How many samples a second the run takes in."""

from typing import Any

from mmengine.hooks import Hook

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class ThroughputHook(Hook):
    """Logs ``samples_per_second``: the batch of all ranks over the time from one iteration to the next.

    The time is that of MMEngine's ``IterTimerHook``, loading included.
    """

    # Between IterTimerHook (50), which measures, and LoggerHook (60), which prints.
    priority = 55

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        size = len(data_batch['inputs']) if isinstance(data_batch, dict) else len(data_batch or ())
        seconds = runner.message_hub.get_scalar('train/time').current()
        runner.message_hub.update_scalar('train/samples_per_second', size * runner.world_size / max(seconds, 1e-9))
