"""Stops a run whose losses are no longer numbers, and says which samples it was looking at."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook

from slan_mm.registry import HOOKS


def batch_ids(data_batch: Any) -> list[str]:
    """``sample_id (image image_id)`` of every sample in a batch of the project's data samples; [] for other batches."""
    samples = data_batch.get('data_samples', []) if isinstance(data_batch, dict) else []
    return [f'{sample.get("sample_id")} (image {sample.get("image_id")})' for sample in samples]


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Raises ``FloatingPointError`` when a loss, or the gradient norm, is NaN or infinite.

    It runs before all other hooks, so that no broken weights are saved; the last checkpoint can be resumed. Every
    value whose name contains 'loss' is looked at, and ``grad_norm`` when ``optim_wrapper.clip_grad`` logs it. With a
    dynamic loss scale (fp16) an infinite gradient norm now and then is how the scale is found and the step is
    skipped: only ``max_overflows`` of them in a row stop the run.
    """

    priority = 'HIGHEST'

    def __init__(self, max_overflows: int = 20) -> None:
        self.max_overflows = max_overflows
        self.overflows = 0

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        losses = {name: torch.as_tensor(value).item() for name, value in (outputs or {}).items() if 'loss' in name}
        wrong = {name: value for name, value in losses.items() if not math.isfinite(value)}
        wrong.update(self._wrong_grad_norm(runner))
        if wrong:
            message = self._message(runner, wrong, batch_ids(data_batch))
            runner.logger.error(message)
            raise FloatingPointError(message)

    def _wrong_grad_norm(self, runner: Any) -> dict[str, float]:
        if 'train/grad_norm' not in runner.message_hub.log_scalars:
            return {}
        norm = float(runner.message_hub.get_scalar('train/grad_norm').current())
        self.overflows = 0 if math.isfinite(norm) else self.overflows + 1
        allowed = self.max_overflows if hasattr(runner.optim_wrapper, 'loss_scaler') else 0
        return {'grad_norm': norm} if self.overflows > allowed else {}

    @staticmethod
    def _message(runner: Any, wrong: dict[str, float], ids: Sequence[str]) -> str:
        values = ', '.join(f'{name} = {value}' for name, value in wrong.items())
        return (
            f'iteration {runner.iter + 1}, rank {runner.rank}: {values}. '
            f'Samples of the batch: {", ".join(ids) or "unknown (the batch has no data_samples)"}. '
            'No checkpoint was written with these weights; look at these samples, or lower the learning rate, '
            'then go on with --resume auto.'
        )
