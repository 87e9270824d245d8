"""Fusion of two images that are located against the same sentence (NLVR2, section 4.2.4)."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import Located


@MODELS.register_module()
class PairFusionHead(BaseModule):
    """Two located results of one sentence to the logits of 0, false, and 1, true.

    "The image and text embeddings ... are fused by a cross-attention layer. We use a binary classification module."
    The embeddings of a side are its moved regions and fused words. The layer is the locator's bidirectional attention,
    with the left side as regions and the right side as words: each side reads the other once, with its own
    projections. The classifier reads
    the mean region and the [CLS] of both sides.

    Args:
        embed_dims: Width D.
        attention: Config of the cross-attention layer, without ``embed_dims``.
        dropout: Dropout before the classifier's last layer.
    """

    def __init__(
        self,
        embed_dims: int,
        attention: dict | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.attention = build_sized(
            dict(type='BidirectionalAttention') | (attention or {}), 'head.attention', embed_dims=embed_dims
        )
        self.classifier = nn.Sequential(
            nn.Linear(4 * embed_dims, embed_dims), nn.GELU(), nn.Dropout(dropout), nn.Linear(embed_dims, 2)
        )

    def forward(self, left: Located, right: Located) -> Tensor:
        """``left``, ``right``: B pairs each, image i of that side with sentence i. Returns (B, 2)."""
        sides, masks = zip(*(self.sequence(located) for located in (left, right)), strict=True)
        fused = self.attention(*sides, *masks)
        summary = [
            part
            for located, tokens in zip((left, right), fused, strict=True)
            for part in self.summarise(tokens, located)
        ]
        return self.classifier(torch.cat(summary, dim=1))

    @staticmethod
    def sequence(located: Located) -> tuple[Tensor, Tensor]:
        """Regions, then words, of B pairs: (B, NG + NT, D), and the mask (B, NG + NT), True where one takes part."""
        tokens = torch.cat([located.regions, located.words], dim=1)
        return tokens, torch.cat([located.region_mask, located.token_mask], dim=1)

    @staticmethod
    def summarise(tokens: Tensor, located: Located) -> tuple[Tensor, Tensor]:
        """The mean of the kept regions and the [CLS] of fused ``tokens`` (B, NG + NT, D), each (B, D)."""
        count = located.regions.shape[1]
        kept = located.region_mask.unsqueeze(-1).to(tokens.dtype)
        return (tokens[:, :count] * kept).sum(1) / kept.sum(1), tokens[:, count]
