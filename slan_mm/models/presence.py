"""Whether the thing that a phrase names is in the image at all."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from slan_mm.registry import MODELS


@MODELS.register_module()
class Presence(BaseModule):
    """The probability that a thing is there, sigmoid(``scale`` x score + ``offset``).

    The score is that of the region-word terms for the image and the phrase as a text of its own. A region's score says
    less: it compares the regions of one image. ``tools/calibrate.py`` fits both numbers on held-out images, of which
    each phrase is asked once where it is named and once where it is not: the probability is that of this even mixture.

    Buffers, none of them trained: ``scale``, ``offset``; scale 0: not calibrated.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.register_buffer('scale', torch.zeros(()))
        self.register_buffer('offset', torch.zeros(()))

    @property
    def calibrated(self) -> bool:
        """Whether the numbers were fitted."""
        return bool(self.scale != 0)

    def set(self, scale: float, offset: float) -> None:
        """Keeps numbers that were fitted."""
        self.scale.fill_(scale)
        self.offset.fill_(offset)

    def forward(self, scores: Tensor) -> Tensor:
        """Probabilities of ``scores``, of any shape."""
        return (self.scale * scores.float() + self.offset).sigmoid()
