"""Stops a run whose losses are no longer numbers, and says which samples it was looking at."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import Hook
from torch import nn

from slan_mm.registry import HOOKS

#: fp16 starts from a scale of 2^16 and halves it at each overflow: after 20 in a row it is below 1, and no scale helps.
MAX_OVERFLOWS = 20
#: The most values that the message names.
MOST_NAMED = 5


def batch_ids(data_batch: Any) -> list[str]:
    """``sample_id (image image_id)`` of every sample in a batch of the project's data samples; [] for other batches."""
    samples = data_batch.get('data_samples', []) if isinstance(data_batch, dict) else []
    return [f'{sample.get("sample_id")} (image {sample.get("image_id")})' for sample in samples]


def wrong_weights(model: nn.Module) -> dict[str, float]:
    """The weights that learn and are NaN or infinite, each with such a value."""
    learning = {name: each.detach() for name, each in model.named_parameters() if each.requires_grad and each.numel()}
    if not learning:
        return {}
    # One question to the device for all weights.
    largest = torch.stack([torch.linalg.vector_norm(each, math.inf).float() for each in learning.values()])
    if largest.isfinite().all():
        return {}
    named = zip(learning, largest.tolist(), strict=True)
    return {f'weight {name}': value for name, value in named if not math.isfinite(value)}


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Raises ``FloatingPointError`` when a loss, the gradient norm or a weight is NaN or infinite.

    It runs before all other hooks, so that no broken weights are saved; the last checkpoint can be resumed. Every
    value whose name contains 'loss' is looked at, ``grad_norm`` when ``optim_wrapper.clip_grad`` logs it, and all
    weights that learn: without a norm nothing else tells of a broken gradient before the checkpoint.

    With a dynamic loss scale (fp16) an infinite gradient norm now and then is how the scale is found and the step is
    skipped: only more than ``MAX_OVERFLOWS`` of them in a row stop the run.

    With several ranks all of them stop, and the message names the ranks that have a broken loss, and their samples
    alone. A gradient norm is that of all ranks together.
    """

    priority = 'HIGHEST'

    def __init__(self) -> None:
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
        norm = self._wrong_grad_norm(runner)
        if not wrong and not norm:
            wrong = wrong_weights(runner.model)
        reports = self._of_all_ranks(runner, wrong, batch_ids(data_batch))
        if reports or norm:
            message = self._message(runner, reports or [(runner.rank, norm, batch_ids(data_batch))])
            runner.logger.error(message)
            raise FloatingPointError(message)

    @staticmethod
    def _of_all_ranks(runner: Any, wrong: dict[str, float], ids: list[str]) -> list[tuple[int, dict, list[str]]]:
        """Rank, broken losses and samples of each rank that has broken ones."""
        if runner.world_size == 1:
            return [(runner.rank, wrong, ids)] if wrong else []
        anywhere = torch.tensor(float(bool(wrong)))
        all_reduce(anywhere, op='max')
        return [each for each in all_gather_object((runner.rank, wrong, ids)) if each[1]] if anywhere else []

    def _wrong_grad_norm(self, runner: Any) -> dict[str, float]:
        if 'train/grad_norm' not in runner.message_hub.log_scalars:
            return {}
        norm = float(runner.message_hub.get_scalar('train/grad_norm').current())
        self.overflows = 0 if math.isfinite(norm) else self.overflows + 1
        allowed = MAX_OVERFLOWS if hasattr(runner.optim_wrapper, 'loss_scaler') else 0
        return {'grad_norm': norm} if self.overflows > allowed else {}

    @staticmethod
    def _message(runner: Any, reports: Sequence[tuple[int, dict[str, float], list[str]]]) -> str:
        parts = []
        for rank, wrong, ids in reports:
            values = ', '.join(f'{name} = {value}' for name, value in list(wrong.items())[:MOST_NAMED])
            values += f' and {len(wrong) - MOST_NAMED} more' if len(wrong) > MOST_NAMED else ''
            samples = ', '.join(ids) or 'unknown (the batch has no data_samples)'
            parts.append(f'rank {rank}: {values}. Samples of the batch: {samples}.')
        return (
            f'iteration {runner.iter + 1}, {" ".join(parts)} No checkpoint was written with these weights; look at '
            'these samples, or lower the learning rate, then go on with --resume auto.'
        )
