"""The place of a region as a vector, so that fused words can distinguish left from right."""

from __future__ import annotations

from mmdet.models.layers.transformer.utils import coordinate_to_encoding
from torch import Tensor, nn


class BoxEmbedding(nn.Module):
    """Sine encoding of a box' four numbers, projected: (..., N, 4) to (..., N, D)."""

    def __init__(self, embed_dims: int, num_feats: int = 32) -> None:
        super().__init__()
        self.num_feats = num_feats
        self.projection = nn.Linear(4 * num_feats, embed_dims)

    def forward(self, boxes: Tensor) -> Tensor:
        """``boxes`` (P, N, 4), normalised cxcywh."""
        return self.projection(coordinate_to_encoding(boxes, self.num_feats, temperature=100))
