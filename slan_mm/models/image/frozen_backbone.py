"""A frozen backbone for detectors of mmdet, with weights from a file of this machine."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from slan_mm.models.image.backbone_weights import load_backbone
from slan_mm.registry import MODELS


@MODELS.register_module()
class FrozenBackbone(BaseModule):
    """A backbone that learns nothing: no gradient, and no new statistics of its batch norms.

    Args:
        backbone: Config of a backbone that gives several maps, such as timm's with ``features_only``.
        checkpoint: The file of its weights, read by :meth:`init_weights`; None leaves random ones.
    """

    def __init__(self, backbone: dict, checkpoint: str | None, init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        self.backbone = MODELS.build(backbone).requires_grad_(False)
        self.checkpoint = checkpoint

    def init_weights(self) -> None:
        """Reads the weights.

        Raises:
            FileNotFoundError, ValueError: See :func:`load_backbone`.
            ValueError: The file lacks some, which would stay random.
        """
        loaded = self.is_init
        super().init_weights()
        if self.checkpoint is not None and not loaded:
            missing, _ = load_backbone(self.backbone, self.checkpoint)
            if missing:
                raise ValueError(
                    f'{self.checkpoint} lacks {len(missing)} tensors of the backbone, which would stay random: '
                    f'{missing[:5]}'
                )

    def train(self, mode: bool = True) -> FrozenBackbone:
        """Sets the mode, but not the backbone's, which stays in evaluation."""
        super().train(mode)
        self.backbone.eval()
        return self

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The backbone's maps (B, C_l, H_l, W_l) of normalised images (B, 3, H, W)."""
        return tuple(self.backbone(inputs))
