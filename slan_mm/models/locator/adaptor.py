"""One level of the region adaptor: attend, move, embed again (Alg. 1, lines 4-11)."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models import protocols
from slan_mm.models.locator.attention import Projections
from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.sizes import build_sized
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS


@MODELS.register_module()
class RegionAdaptor(BaseModule):
    """Level i: regions and words exchange (Eq. 1), regions move (Eq. 2) and are embedded again from F_i.

    Args:
        embed_dims: Width D.
        attention: Config of the bidirectional attention.
        move: Config of the box update, ``ScalarMove`` or ``MomentMove``.
        pooling: Config of the region pooling that embeds the moved regions.
        feature_level: Which F of the pyramid this level reads, from 1.
        embedding: How the new embedding enters: 'residual' adds it to the attended one, 'replace' is the literal
            line 11.
        box_embedding: Whether the embedding says where the box is.
        detach_boxes: Whether this level's boxes are moved without a gradient from the levels before.
    """

    def __init__(
        self,
        embed_dims: int,
        attention: dict,
        move: dict,
        pooling: dict,
        feature_level: int = 1,
        embedding: str = 'residual',
        box_embedding: bool = True,
        detach_boxes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if embedding not in ('residual', 'replace'):
            raise ValueError(f"embedding must be 'residual' or 'replace', got {embedding!r}")
        self.attention: protocols.Attention = build_sized(
            attention, 'locator.adaptors.attention', embed_dims=embed_dims
        )
        self.move: protocols.Move = MODELS.build(move)
        self.pooling: protocols.Pooling = MODELS.build(pooling)
        self.feature_level = feature_level
        self.embedding = embedding
        self.detach_boxes = detach_boxes
        self.projection = nn.Linear(embed_dims, embed_dims)
        self.box_embedding = BoxEmbedding(embed_dims) if box_embedding else None
        self.norm = nn.LayerNorm(embed_dims)

    def embed(self, regions: Tensor, feature_map: Tensor, boxes: Tensor, pairs: PairIndex | None = None) -> Tensor:
        """E_i^G (P, NG, D) of the moved ``boxes``, from F_i and the attended ``regions``."""
        new = self.projection(self.pooling(feature_map, boxes, pairs))
        if self.box_embedding is not None:
            new = new + self.box_embedding(boxes).to(new.dtype)
        return self.norm(regions + new if self.embedding == 'residual' else new)

    def forward(
        self,
        regions: Tensor,
        words: Tensor,
        boxes: Tensor,
        region_mask: Tensor,
        mask: Tensor,
        feature_map: Tensor,
        activation: Tensor,
        word_mask: Tensor,
        projections: Projections | None = None,
        pairs: PairIndex | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One level.

        ``regions`` E_{i-1}^G (P, NG, D) with ``boxes`` G_{i-1} (P, NG, 4) and ``region_mask`` (P, NG); ``words``
        E_{i-1}^T (P, NT, D) with ``mask`` (P, NT), True at tokens, and ``word_mask`` (P, NT), True at words without
        special tokens; ``feature_map`` F_i (P, D, H, W) and ``activation`` (P, NT, H, W), its word-activation map;
        ``projections`` of regions and words, where they are known already. With ``pairs``, F_i is of B images,
        (B, D, H, W). Returns E_i^G, E_i^T, G_i.
        """
        regions, words = self.attention(regions, words, region_mask, mask, projections)
        boxes = self.move(boxes.detach() if self.detach_boxes else boxes, activation, word_mask)
        return self.embed(regions, feature_map, boxes, pairs), words, boxes
