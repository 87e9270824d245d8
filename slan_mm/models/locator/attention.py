"""Bidirectional cross-attention between regions and words (Eq. 1)."""

from __future__ import annotations

from mmcv.cnn.bricks.transformer import FFN
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from slan_mm.registry import MODELS


@MODELS.register_module()
class BidirectionalAttention(BaseModule):
    """Regions attend to words and words to regions through one similarity matrix, Attn = E^G E^T' / sqrt(D) (Eq. 1).

    Softmax over words gives E_i^G, softmax over regions of the same matrix gives E_i^T; both directions read the
    embeddings of level i - 1. Multi-head, with projections, residual, LayerNorm and FFN; ``literal=True`` leaves the
    last three out, as Eq. 1 is written.

    Args:
        embed_dims: Width D.
        num_heads: Attention heads.
        feedforward_channels: Hidden width of the two FFNs.
        dropout: Dropout of attention output and FFN.
        literal: Whether to drop residual, LayerNorm and FFN.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int = 8,
        feedforward_channels: int = 2048,
        dropout: float = 0.0,
        literal: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if embed_dims % num_heads:
            raise ValueError(f'embed_dims ({embed_dims}) must be a multiple of num_heads ({num_heads})')
        self.num_heads = num_heads
        self.literal = literal
        self.region_key = nn.Linear(embed_dims, embed_dims)
        self.word_key = nn.Linear(embed_dims, embed_dims)
        self.region_value = nn.Linear(embed_dims, embed_dims)
        self.word_value = nn.Linear(embed_dims, embed_dims)
        self.region_out = nn.Linear(embed_dims, embed_dims)
        self.word_out = nn.Linear(embed_dims, embed_dims)
        if not literal:
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

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def forward(self, regions: Tensor, words: Tensor, region_mask: Tensor, word_mask: Tensor) -> tuple[Tensor, Tensor]:
        """One exchange between the modalities.

        ``regions`` (P, NG, D), ``words`` (P, NT, D); ``region_mask`` (P, NG), ``word_mask`` (P, NT) boolean, True
        where an element takes part, at least one a row. Returns both, updated; rows that do not take part hold
        values that no one reads.
        """
        region_key, word_key = self._heads(self.region_key(regions)), self._heads(self.word_key(words))
        to_regions = scaled_dot_product_attention(
            region_key, word_key, self._heads(self.word_value(words)), attn_mask=word_mask[:, None, None]
        )
        to_words = scaled_dot_product_attention(
            word_key, region_key, self._heads(self.region_value(regions)), attn_mask=region_mask[:, None, None]
        )
        to_regions = self.region_out(to_regions.transpose(1, 2).flatten(2))
        to_words = self.word_out(to_words.transpose(1, 2).flatten(2))
        if self.literal:
            return to_regions, to_words
        regions = self.region_norm(regions + self.dropout(to_regions))
        words = self.word_norm(words + self.dropout(to_words))
        return self.region_ffn_norm(self.region_ffn(regions)), self.word_ffn_norm(self.word_ffn(words))
