"""Box sizes by the contrast of a region's words inside the box and around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from slan_mm.models import protocols
from slan_mm.models.locator.boxes import clip_boxes
from slan_mm.models.locator.moves import own_words
from slan_mm.registry import MODELS


@MODELS.register_module()
class ContrastMove(BaseModule):
    """The centre of another move, and p_w, p_h of each region by the contrast of inside and surround.

    Candidates are the moved box with its sides times each pair of ``factors``. The contrast of a candidate is the mean
    response to the region's own words inside it, minus the mean in its surround, the frame between it and the box
    ``surround`` times as wide and high. It is largest where the box fits the response. p_w, p_h are the geometric
    means of the factors under the softmax of ``sharpness`` x contrast, as s_j is for the centre. All means are pooled
    exactly, so that there is a gradient to the box and to the word-activation map.

    Args:
        move: Config of the move of the centre, whose size is scaled, e.g. ``MomentMove``, or
            ``ScalarMove`` with ``size_factors='fixed'``.
        factors: Factors of the sides; every pair is a candidate.
        surround: See above; over 1.
        sharpness: Factor of the contrast before the softmax over candidates.
        word_sharpness: Factor of a region's similarity to words before the softmax over them.
        pooling: Config of the pooling of the word-activation map.

    Raises:
        ValueError: A factor is not positive, or ``surround`` not over 1.
    """

    def __init__(
        self,
        move: dict,
        factors: Sequence[float] = (0.5, 0.7071, 1.0, 1.4142, 2.0),
        surround: float = 1.5,
        sharpness: float = 20.0,
        word_sharpness: float = 10.0,
        pooling: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not factors or min(factors) <= 0 or surround <= 1:
            raise ValueError(f'factors must be positive and surround over 1, got {list(factors)} and {surround}')
        self.move: protocols.Move = MODELS.build(move)
        self.surround, self.sharpness, self.word_sharpness = surround, sharpness, word_sharpness
        self.pooling: protocols.Pooling = MODELS.build(pooling or dict(type='ExactMeanPooling'))
        sides = torch.tensor(factors, dtype=torch.float32)
        self.factors: Tensor
        self.register_buffer('factors', torch.cartesian_prod(sides, sides).view(-1, 2), persistent=False)

    def contrast(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> Tensor:
        """Contrast of the C candidates of each of ``boxes`` (P, N, 4): (P, N, C). One without surround has 0."""
        weight = own_words(self.pooling, boxes, activation, word_mask, self.word_sharpness)
        size = boxes[..., None, 2:] * self.factors
        centre = boxes[..., None, :2].expand_as(size)
        inner = clip_boxes(torch.cat([centre, size], dim=-1))
        outer = clip_boxes(torch.cat([centre, size * self.surround], dim=-1))
        both = torch.stack([inner, outer])
        pooled = [self.pooling(activation, each.flatten(1, 2)).float().view(*size.shape[:3], -1) for each in both]
        inside, within = ((each * weight.unsqueeze(2)).sum(-1) for each in pooled)
        area, whole = both[..., 2:].prod(-1)
        frame = whole - area
        # Both were cut to the whole picture: there is nothing around.
        around = torch.where(frame > 1e-6, (whole * within - area * inside) / frame.clamp(min=1e-6), inside)
        return inside - around

    def forward(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> Tensor:
        """As :meth:`ScalarMove.forward`."""
        boxes = self.move(boxes, activation, word_mask)
        # Differences of near means: always in full precision.
        with torch.autocast(boxes.device.type, enabled=False):
            contrast = self.contrast(boxes, activation.float(), word_mask)
            share = (contrast * self.sharpness).softmax(-1)
            p = (share @ self.factors.log()).exp()
        return clip_boxes(torch.cat([boxes[..., :2], boxes[..., 2:] * p], dim=-1))
