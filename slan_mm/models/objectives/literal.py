"""Objectives as the paper is written, one class a component."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.objectives.regression import ProgressiveRegressionLoss
from slan_mm.registry import MODELS
from slan_mm.structures import Located


@MODELS.register_module()
class LiteralITMHead(BaseModule):
    """Eq. 4: a linear layer on cat(v_cls, t_cls).

    Args:
        embed_dims: Width D.
    """

    def __init__(self, embed_dims: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.classifier = nn.Linear(2 * embed_dims, 1)

    def forward(self, located: Located) -> Tensor:
        """The match logits (P,)."""
        return self.classifier(torch.cat([located.vision_cls, located.text_cls], dim=1)).squeeze(-1)


@MODELS.register_module()
class LiteralRegressionLoss(ProgressiveRegressionLoss):
    """Eq. 3 as written, which has no stop-gradient: the target learns, too."""

    def target(self, boxes: list[Tensor]) -> Tensor:
        """The mean of G_1..G_L."""
        return torch.stack(boxes).mean(0)
