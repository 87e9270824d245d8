"""Logs what tells a healthy locator from a collapsed one."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from slan_mm.models.dist import global_mean
from slan_mm.models.locator.boxes import mean_move, pairwise_iou
from slan_mm.models.objectives import ITCLoss
from slan_mm.registry import HOOKS
from slan_mm.structures import Located


@torch.no_grad()
def locator_diagnostics(positive: Located) -> dict[str, Tensor]:
    """Means over the kept regions of P positive pairs, on all ranks.

    ``kept_share`` of all Nq regions of an image; ``pairwise_iou`` of two regions of one picture;
    ``side_l``, the square root of a box's area at level l; ``move_l``, how far level l moves a region.
    """
    mask = positive.region_mask
    both = mask[:, :, None] & mask[:, None] & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    kept = mask.sum()
    sums = {'pairwise_iou': ((pairwise_iou(positive.boxes[-1]) * both).sum(), both.sum())}
    for level, boxes in enumerate(positive.boxes):
        sums[f'side_{level}'] = ((boxes[..., 2:].prod(-1).sqrt() * mask).sum(), kept)
    for level, move in enumerate(mean_move(positive.boxes, mask), start=1):
        sums[f'move_{level}'] = (move * kept, kept)
    totals, counts = (torch.stack(column) for column in zip(*sums.values(), strict=True))
    means = global_mean(totals, counts)
    return {'kept_share': kept / positive.saliency.numel(), **dict(zip(sums, means, strict=True))}


@HOOKS.register_module()
class LocatorDiagnosticsHook(Hook):
    """Logs :func:`locator_diagnostics` of the positive pairs of each iteration, and ITC's temperature.

    It looks on while the objective of pre-training is called with what was located. A model without one, such as a
    task's, and the iterations before ``locator_start`` log nothing.
    """

    # Before RankMeanHook (5), so that what a rank counts alone is averaged as losses are.
    priority = 4

    def __init__(self) -> None:
        self._seen: dict[str, Tensor] = {}
        self._handle: Any = None

    def before_train(self, runner: Any) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if isinstance(objective := getattr(model, 'objective', None), nn.Module):
            self._handle = objective.register_forward_hook(self._look)

    def after_train(self, runner: Any) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    @torch.no_grad()
    def _look(self, objective: Any, arguments: tuple, losses: dict[str, Tensor]) -> None:
        pairs, located, *_ = arguments
        if not objective.training or not objective.locating:
            return
        self._seen = locator_diagnostics(located[pairs.positive])
        if isinstance(objective.itc, ITCLoss):
            self._seen['itc_temperature'] = 1 / objective.itc.temperature()

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        if outputs is not None:
            outputs.update(self._seen)
        self._seen = {}
