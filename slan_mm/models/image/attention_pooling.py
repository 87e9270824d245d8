"""Attention pooling for ITC's image embedding, where a plain mean would drown objects in background."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import gelu

from slan_mm.registry import MODELS


@MODELS.register_module()
class AttentionPooling(BaseModule):
    """Several weighted means over regions and cells, each head with weights and values of its own.

    The paper's image embedding is one mean over regions. Here a head can learn to attend to foreground or to one kind
    of object, and regions pass a nonlinearity before they are averaged. It reads the image alone, so an image is still
    embedded once.

    Args:
        embed_dims: Width D of regions, and of V.
        num_heads, head_dims: Heads, and the width of each; the result has ``num_heads * head_dims``.
        in_channels: Channels of the encoder's levels.
        level: The level whose cells are pooled with the regions; None is V. A frozen encoder's own level has more
            information than its projection to V.
        dropout: Of regions and cells, after their normalisation. The levels of a frozen encoder are the same in every
            epoch, so a small data set is soon overfitted.

    Raises:
        ValueError: The encoder has no such ``level``.
    """

    def __init__(
        self,
        embed_dims: int,
        in_channels: Sequence[int] = (),
        num_heads: int = 8,
        head_dims: int = 16,
        level: int | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if level is not None and not -len(in_channels) <= level < len(in_channels):
            raise ValueError(f'AttentionPooling: level is {level}, the image encoder has {len(in_channels)} levels')
        cell_dims = embed_dims if level is None else in_channels[level]
        self.num_heads = num_heads
        self.level = level
        self.out_dims = num_heads * head_dims
        # Cells of V are as wide as regions and share their weights.
        widths = dict(tokens=embed_dims) if level is None else dict(regions=embed_dims, cells=cell_dims)
        # V is normalised, an encoder's level need not be.
        self.norm = nn.Identity() if level is None else nn.LayerNorm(cell_dims)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.ModuleDict({source: nn.Linear(width, num_heads) for source, width in widths.items()})
        self.value = nn.ModuleDict({source: nn.Linear(width, self.out_dims) for source, width in widths.items()})
        for parameter in self.score.parameters():
            # Training starts at the plain mean.
            nn.init.zeros_(parameter)

    def forward(self, regions: Tensor, feature_map: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """``regions`` (B, Nq, D), V (B, D, H, W) and the encoder's levels (B, C_l, H_l, W_l) to (B, ``out_dims``)."""
        cells = self.norm((feature_map if self.level is None else levels[self.level]).flatten(2).transpose(1, 2))
        both = [self.dropout(regions), self.dropout(cells)]
        tokens = dict(tokens=torch.cat(both, dim=1)) if self.level is None else dict(zip(self.score, both, strict=True))
        score = torch.cat([self.score[source](token) for source, token in tokens.items()], dim=1)
        value = torch.cat([self.value[source](token) for source, token in tokens.items()], dim=1)
        weight = score.float().softmax(1).to(value.dtype)
        return torch.einsum('bnh,bnhc->bhc', weight, gelu(value).unflatten(-1, (self.num_heads, -1))).flatten(1)
