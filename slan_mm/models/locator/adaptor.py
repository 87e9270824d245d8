"""One level of the region adaptor: attend, move, embed again (Alg. 1, lines 4-11)."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import conv2d

from slan_mm.models import protocols
from slan_mm.models.locator.attention import Projections
from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.locator.state import PairState
from slan_mm.models.sizes import build_sized
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS


@MODELS.register_module()
class RegionAdaptor(BaseModule):
    """Level i: regions and words exchange (Eq. 1), regions move (Eq. 2) and are embedded again from F_i.

    The new embedding is added to the attended one, and includes the place of the box. :class:`LiteralAdaptor` does
    neither.

    Args:
        embed_dims: Width D.
        attention: Config of the bidirectional attention.
        move: Config of the box update (Eq. 2), any ``protocols.Move``, e.g. ``ScalarMove``, ``MomentMove``.
        pooling: Config of the region pooling that embeds the moved regions.
        feature_level: Which F of the pyramid this level reads, from 1.
    """

    #: What says where a box is.
    place_type: type[nn.Module] = BoxEmbedding

    def __init__(
        self,
        embed_dims: int,
        attention: dict,
        move: dict,
        pooling: dict,
        feature_level: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.attention: protocols.Attention = build_sized(
            attention, 'locator.adaptors.attention', embed_dims=embed_dims
        )
        self.move: protocols.Move = MODELS.build(move)
        self.pooling: protocols.Pooling = MODELS.build(pooling)
        self.feature_level = feature_level
        self.projection = nn.Linear(embed_dims, embed_dims)
        self.box_embedding = self.place_type(embed_dims)
        self.norm = nn.LayerNorm(embed_dims)

    def project_map(self, feature_map: Tensor) -> Tensor:
        """F_i (B, D, H, W) projected cell by cell, still without the bias, for :meth:`pooled`: pooling is linear."""
        return conv2d(feature_map, self.projection.weight[:, :, None, None])

    def pooled(self, feature_map: Tensor, boxes: Tensor, pairs: PairIndex, projected: Tensor | None = None) -> Tensor:
        """F_i pooled in the moved ``boxes``, plus the embedding of their place: (P, NG, D).

        ``projected``: F_i by :meth:`project_map`, where that is computed already.
        """
        if projected is None:
            new = self.projection(self.pooling(feature_map, boxes, pairs))
        else:
            new = self.pooling(projected, boxes, pairs) + self.projection.bias
        return new + self.box_embedding(boxes).to(new.dtype)

    def embed(self, attended: Tensor, pooled: Tensor) -> Tensor:
        """E_i^G (P, NG, D) of the ``attended`` regions and the newly ``pooled`` ones (line 11)."""
        return self.norm(attended + pooled)

    def forward(
        self,
        state: PairState,
        feature_map: Tensor,
        activation: Tensor,
        pairs: PairIndex,
        projections: Projections | None = None,
        projected: Tensor | None = None,
    ) -> PairState:
        """One level, from the ``state`` of level i - 1 to that of level i.

        ``feature_map`` F_i of the B images (B, D, H, W); ``activation``, the pairs' word-activation maps on it
        (P, NT, H, W); ``projections`` of the state's regions and words, and F_i ``projected``, if already
        computed.
        """
        attended, words = self.attention(state.regions, state.words, state.region_mask, state.token_mask, projections)
        boxes = self.move(state.boxes, activation, state.word_mask)
        regions = self.embed(attended, self.pooled(feature_map, boxes, pairs, projected))
        return PairState(regions, boxes, state.region_mask, words, state.token_mask, state.word_mask)
