"""What tells a healthy locator from a collapsed one."""

from __future__ import annotations

import torch
from torch import Tensor

from slan_mm.models.dist import global_mean
from slan_mm.models.locator.boxes import mean_move, pairwise_iou
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
