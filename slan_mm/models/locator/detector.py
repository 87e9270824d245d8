"""The detector: a DETR that proposes regions and scores their saliency, with no class head (section 3.2)."""

from __future__ import annotations

import torch
from mmdet.models.layers import MLP, DetrTransformerDecoder, DetrTransformerEncoder, SinePositionalEncoding
from mmdet.models.layers.transformer import inverse_sigmoid
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from slan_mm.models.locator.boxes import clip_boxes
from slan_mm.models.locator.fused_attention import fuse_attention
from slan_mm.models.sizes import check_divides
from slan_mm.registry import MODELS


def reference_grid(grid: tuple[int, ...], overlap: float = 1.5) -> Tensor:
    """Boxes on grids of several scales: for each n of ``grid``, n x n boxes of side ``overlap`` / n (at most 1).

    Returns (sum of n^2, 4), normalised cxcywh.
    """
    boxes = []
    for n in grid:
        centres = (torch.arange(n) + 0.5) / n
        y, x = torch.meshgrid(centres, centres, indexing='ij')
        side = torch.full((n * n,), min(1.0, overlap / n))
        boxes.append(torch.stack([x.flatten(), y.flatten(), side, side], dim=-1))
    return torch.cat(boxes)


@MODELS.register_module()
class RegionDetector(BaseModule):
    """DETR's transformer over V; each query gives a box G_0 and one saliency logit in place of class logits.

    Each query has a learnable reference box, and its box is sigmoid(delta + logit(reference)).

    Args:
        embed_dims: Width D.
        grid: The reference boxes' grids, see :func:`reference_grid`; Nq = sum of their squares. (7, 5, 4, 3, 1) is
            the paper's 100.
        learn_boxes: Whether boxes are learned; without, G_0 stays the reference boxes and only saliency is learned.
            With frozen features of photographs learned boxes grow to most of the image.
        downsample: V is averaged over downsample x downsample cells before the transformer, whose cost grows with the
            square of the number of cells; 1 is DETR's own.
        num_encoder_layers, num_decoder_layers, num_heads, feedforward_channels, dropout: DETR's transformer.
        width: Width of the transformer, to which V is projected; None: D. 256 takes the weights of a published DETR,
            see ``tools/model_converters/detr_to_slan.py``.
        frozen: Whether to freeze the detector (Table 5, first row).
    """

    def __init__(
        self,
        embed_dims: int,
        grid: tuple[int, ...] = (7, 5, 4, 3, 1),
        learn_boxes: bool = True,
        downsample: int = 1,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        num_heads: int = 8,
        feedforward_channels: int = 2048,
        dropout: float = 0.1,
        width: int | None = None,
        frozen: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.learn_boxes = learn_boxes
        self.downsample = downsample
        self.num_queries = sum(n * n for n in grid)
        self.width = width or embed_dims
        check_divides('image.detector', 'num_heads', num_heads, self.width)
        if self.width % 4:
            raise ValueError(f"image.detector.width is {self.width}: DETR's sine encoding needs a multiple of 4")
        self.projection = nn.Conv2d(embed_dims, width, 1) if width else nn.Identity()
        attention = dict(embed_dims=self.width, num_heads=num_heads, dropout=dropout, batch_first=True)
        ffn = dict(embed_dims=self.width, feedforward_channels=feedforward_channels, ffn_drop=dropout)
        self.positional_encoding = SinePositionalEncoding(self.width // 2, normalize=True)
        self.encoder = DetrTransformerEncoder(num_encoder_layers, dict(self_attn_cfg=attention, ffn_cfg=ffn))
        self.decoder = DetrTransformerDecoder(
            num_decoder_layers,
            dict(self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn),
            return_intermediate=False,
        )
        fuse_attention(self)
        self.query_embedding = nn.Embedding(self.num_queries, self.width)
        if learn_boxes:
            self.box_head = MLP(self.width, self.width, 4, 3)
        self.saliency_head = nn.Linear(self.width, 1)
        self.set_references(grid)
        self.frozen = frozen
        if frozen:
            self.requires_grad_(False)

    def freeze_saliency(self) -> None:
        """Freezes the saliency head, and where boxes are not learned the whole detector."""
        (self.saliency_head if self.learn_boxes else self).requires_grad_(False)

    def train(self, mode: bool = True) -> RegionDetector:
        """Sets the mode; a frozen detector stays in evaluation mode (no dropout)."""
        return super().train(mode and not self.frozen)

    def set_references(self, grid: tuple[int, ...]) -> None:
        """Sets the reference boxes of the queries, at which training starts."""
        self.reference = nn.Parameter(inverse_sigmoid(reference_grid(grid), eps=1e-2), requires_grad=self.learn_boxes)
        if self.learn_boxes:
            nn.init.zeros_(self.box_head.layers[-1].weight)
            nn.init.zeros_(self.box_head.layers[-1].bias)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        """``feature_map`` V (B, D, H, W) to boxes G_0 (B, Nq, 4) and saliency logits (B, Nq)."""
        feature_map = self.projection(feature_map)
        if self.downsample > 1:
            feature_map = avg_pool2d(feature_map, self.downsample, ceil_mode=True)
        batch_size, _, height, width = feature_map.shape
        # No picture is padded, so that one encoding serves them all.
        padding = feature_map.new_zeros((1, height, width), dtype=torch.bool)
        position = self.positional_encoding(padding).flatten(2).transpose(1, 2).to(feature_map.dtype)
        position = position.expand(batch_size, -1, -1)
        tokens = feature_map.flatten(2).transpose(1, 2)
        memory = self.encoder(query=tokens, query_pos=position, key_padding_mask=None)
        query_pos = self.query_embedding.weight.expand(batch_size, -1, -1)
        queries = self.decoder(
            query=torch.zeros_like(query_pos),
            key=memory,
            value=memory,
            query_pos=query_pos,
            key_pos=position,
            key_padding_mask=None,
        )
        queries = queries[0] if queries.dim() == 4 else queries
        return self.boxes(queries), self.saliency_head(queries).squeeze(-1)

    def boxes(self, queries: Tensor) -> Tensor:
        """G_0 (B, Nq, 4) of the decoded ``queries`` (B, Nq, D), cut to the image."""
        delta = self.box_head(queries).float() if self.learn_boxes else queries.new_zeros(4, dtype=torch.float32)
        return clip_boxes((delta + self.reference).sigmoid().expand(*queries.shape[:2], 4))


@MODELS.register_module()
class PlainQueryDetector(RegionDetector):
    """DETR's own queries: box = sigmoid(delta). Without gold boxes they end as the whole image."""

    def set_references(self, grid: tuple[int, ...]) -> None:
        """There are none.

        Raises:
            ValueError: Boxes are not learned.
        """
        if not self.learn_boxes:
            raise ValueError('boxes that are not learned need reference boxes: use RegionDetector')

    def boxes(self, queries: Tensor) -> Tensor:
        """G_0 (B, Nq, 4) of the decoded ``queries`` (B, Nq, width), cut to the image."""
        return clip_boxes(self.box_head(queries).float().sigmoid())
