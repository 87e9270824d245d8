"""Progressive region regression (Eq. 3): the adaptors teach the detector."""

from __future__ import annotations

import torch
from mmdet.models.losses import GIoULoss, L1Loss
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.model import BaseModule
from torch import Tensor

from slan_mm.models.dist import global_mean
from slan_mm.registry import MODELS


def regression_target(boxes: list[Tensor], detach: bool = True) -> Tensor:
    """The mean of G_1..G_L (each (P, N, 4)), detached unless told otherwise (Eq. 3)."""
    target = torch.stack(boxes).mean(0)
    return target.detach() if detach else target


@MODELS.register_module()
class ProgressiveRegressionLoss(BaseModule):
    """L_reg = L1(g, mean of g_1..g_L) + GIoU(same), over kept regions; padding never counts (Eq. 3).

    Args:
        centres_only: L1 on centres alone: what has a stable solution when sizes are not read from the image.
        detach: Whether the target is detached.
        confidence: Whether each region weighs as its normalised saliency, in place of 1.
    """

    def __init__(
        self,
        centres_only: bool = False,
        detach: bool = True,
        confidence: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.centres_only, self.detach, self.confidence = centres_only, detach, confidence
        self.l1 = L1Loss(reduction='none')
        self.giou = GIoULoss(reduction='none', eps=1e-6)

    def forward(self, boxes: list[Tensor], mask: Tensor, weight: Tensor) -> Tensor:
        """``boxes`` [G_0, ..., G_L], each (P, N, 4); ``mask`` (P, N), True at kept regions; ``weight`` (P, N)."""
        start, target = boxes[0], regression_target(boxes[1:], self.detach)
        if self.centres_only:
            loss = self.l1(start[..., :2], target[..., :2]).sum(-1)
        else:
            # mmdet's GIoU turns a weightless input into (N,) losses, 1 - GIoU.
            giou = self.giou(bbox_cxcywh_to_xyxy(start).flatten(0, 1), bbox_cxcywh_to_xyxy(target).flatten(0, 1))
            loss = self.l1(start, target).sum(-1) + giou.view_as(mask)
        region_weight = mask.float() * (weight.detach() if self.confidence else 1.0)
        return global_mean((loss * region_weight).sum(), region_weight.sum())
