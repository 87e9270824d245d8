"""Progressive region regression (Eq. 3): the adaptors teach the detector."""

from __future__ import annotations

import torch
from mmdet.models.losses import GIoULoss, L1Loss
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.model import BaseModule
from torch import Tensor

from slan_mm.models.dist import global_mean
from slan_mm.registry import MODELS


def regression_target(boxes: list[Tensor]) -> Tensor:
    """The mean of G_1..G_L (each (P, N, 4)), detached (Eq. 3)."""
    return torch.stack(boxes).mean(0).detach()


@MODELS.register_module()
class ProgressiveRegressionLoss(BaseModule):
    """L_reg = L1(g, mean of g_1..g_L) + GIoU(same), the mean over kept regions; padding never counts (Eq. 3)."""

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.l1 = L1Loss(reduction='none')
        self.giou = GIoULoss(reduction='none', eps=1e-6)

    def target(self, boxes: list[Tensor]) -> Tensor:
        """See :func:`regression_target`."""
        return regression_target(boxes)

    def distance(self, start: Tensor, target: Tensor) -> Tensor:
        """Of boxes (P, N, 4) and their targets: (P, N)."""
        # mmdet's GIoU turns a weightless input into (N,) losses, 1 - GIoU.
        giou = self.giou(bbox_cxcywh_to_xyxy(start).flatten(0, 1), bbox_cxcywh_to_xyxy(target).flatten(0, 1))
        return self.l1(start, target).sum(-1) + giou.view(start.shape[:2])

    def region_weight(self, mask: Tensor, weight: Tensor) -> Tensor:
        """The weight of each region, (P, N): 1 if it is kept."""
        return mask.float()

    def forward(self, boxes: list[Tensor], mask: Tensor, weight: Tensor) -> Tensor:
        """``boxes`` [G_0, ..., G_L], each (P, N, 4); ``mask`` (P, N), True at kept regions; ``weight`` (P, N), their
        normalised saliency."""
        loss = self.distance(boxes[0], self.target(boxes[1:]))
        region_weight = self.region_weight(mask, weight)
        return global_mean((loss * region_weight).sum(), region_weight.sum())


@MODELS.register_module()
class CentreRegressionLoss(ProgressiveRegressionLoss):
    """L1 of the centres alone, which has a stable solution where sizes do not come from the image."""

    def distance(self, start: Tensor, target: Tensor) -> Tensor:
        return self.l1(start[..., :2], target[..., :2]).sum(-1)


@MODELS.register_module()
class SaliencyRegressionLoss(ProgressiveRegressionLoss):
    """Each region is weighted by its normalised saliency."""

    def region_weight(self, mask: Tensor, weight: Tensor) -> Tensor:
        return mask.float() * weight.detach()
