"""Bidirectional cross-attention between regions and words (Eq. 1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmcv.cnn.bricks.transformer import FFN
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from slan_mm.models.sizes import check_divides
from slan_mm.registry import MODELS


class Projections(NamedTuple):
    """Keys and values of regions (P, NG, D) and of words (P, NT, D), for the two directions."""

    region_key: Tensor
    region_value: Tensor
    word_key: Tensor
    word_value: Tensor


@MODELS.register_module()
class LiteralAttention(BaseModule):
    """Regions attend to words and words to regions through one similarity matrix, Attn = E^G E^T' / sqrt(D) (Eq. 1).

    Softmax over words gives E_i^G, softmax over regions of the same matrix gives E_i^T; both directions read the
    embeddings of level i - 1. Multi-head, with projections, and otherwise as Eq. 1 is written.

    Args:
        embed_dims: Width D.
        num_heads: Attention heads.
    """

    def __init__(self, embed_dims: int, num_heads: int = 8, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        check_divides(type(self).__name__, 'num_heads', num_heads, embed_dims)
        self.num_heads = num_heads
        self.region_key = nn.Linear(embed_dims, embed_dims)
        self.word_key = nn.Linear(embed_dims, embed_dims)
        self.region_value = nn.Linear(embed_dims, embed_dims)
        self.word_value = nn.Linear(embed_dims, embed_dims)
        self.region_out = nn.Linear(embed_dims, embed_dims)
        self.word_out = nn.Linear(embed_dims, embed_dims)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def project(self, regions: Tensor, words: Tensor) -> Projections:
        """Keys and values of ``regions`` (P, NG, D) and ``words`` (P, NT, D)."""
        return Projections(self.region_key(regions), self.region_value(regions), *self.project_words(words))

    def project_words(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of ``words`` (T, NT, D)."""
        return self.word_key(words), self.word_value(words)

    def project_unweighted(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of ``regions`` (B, N, D) without their biases, for :meth:`weighted`."""
        return linear(regions, self.region_key.weight), linear(regions, self.region_value.weight)

    def weighted(self, key: Tensor, value: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of regions times ``weight`` (P, NG, 1), made of those without weights."""
        return torch.addcmul(self.region_key.bias, key, weight), torch.addcmul(self.region_value.bias, value, weight)

    def forward(
        self,
        regions: Tensor,
        words: Tensor,
        region_mask: Tensor,
        token_mask: Tensor,
        projections: Projections | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One exchange between the modalities.

        ``regions`` (P, NG, D), ``words`` (P, NT, D); ``region_mask`` (P, NG), ``token_mask`` (P, NT) boolean, True
        where an element takes part, at least one a row; ``projections``, if already computed.
        Returns both, updated; rows that do not take part have no meaning.
        """
        region_key, region_value, word_key, word_value = map(
            self._heads, self.project(regions, words) if projections is None else projections
        )
        to_regions = scaled_dot_product_attention(region_key, word_key, word_value, attn_mask=token_mask[:, None, None])
        to_words = scaled_dot_product_attention(
            word_key, region_key, region_value, attn_mask=region_mask[:, None, None]
        )
        to_regions, to_words = (heads.transpose(1, 2).flatten(2) for heads in (to_regions, to_words))
        return self.region_out(to_regions), self.word_out(to_words)


@MODELS.register_module()
class BidirectionalAttention(LiteralAttention):
    """Eq. 1 as a transformer's layer: with residual, LayerNorm and FFN on both sides.

    Args:
        embed_dims: Width D.
        num_heads: Attention heads.
        feedforward_channels: Hidden width of the two FFNs.
        dropout: Dropout of attention output and FFN.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int = 8,
        feedforward_channels: int = 2048,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(embed_dims, num_heads, init_cfg)
        self.dropout = nn.Dropout(dropout)
        ffn = dict(
            embed_dims=embed_dims,
            feedforward_channels=feedforward_channels,
            ffn_drop=dropout,
            act_cfg=dict(type='GELU'),
        )
        self.region_norm, self.word_norm = nn.LayerNorm(embed_dims), nn.LayerNorm(embed_dims)
        self.region_ffn, self.word_ffn = FFN(**ffn), FFN(**ffn)
        self.region_ffn_norm, self.word_ffn_norm = nn.LayerNorm(embed_dims), nn.LayerNorm(embed_dims)

    def forward(
        self,
        regions: Tensor,
        words: Tensor,
        region_mask: Tensor,
        token_mask: Tensor,
        projections: Projections | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`LiteralAttention.forward`."""
        to_regions, to_words = super().forward(regions, words, region_mask, token_mask, projections)
        regions = self.region_norm(regions + self.dropout(to_regions))
        words = self.word_norm(words + self.dropout(to_words))
        return self.region_ffn_norm(self.region_ffn(regions)), self.word_ffn_norm(self.word_ffn(words))
