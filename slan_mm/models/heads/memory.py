"""What a text decoder attends to: located regions, located words, and the grid of the finest pyramid level."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.locator.boxes import cell_centres
from slan_mm.structures import Batched, ImageFeatures, Located

KINDS = ('regions', 'words', 'grid')


@dataclass
class Memory(Batched):
    """Memory of P pairs.

    - ``tokens`` (P, M, W): W is the decoder's width.
    - ``mask`` (P, M) bool: True where there is something to attend to, False at padding.
    """

    tokens: Tensor
    mask: Tensor


def cell_boxes(height: int, width: int, like: Tensor) -> Tensor:
    """The cells of an H x W map as normalised cxcywh boxes, row by row: (H * W, 4)."""
    centres = cell_centres(height, width, like.device, like.dtype)
    sides = torch.tensor([1 / width, 1 / height], device=like.device, dtype=like.dtype)
    return torch.cat([centres, sides.expand_as(centres)], dim=1)


class DecoderMemory(BaseModule):
    """Joins the located regions and words and the cells of the image into one sequence.

    It holds the regions (E_L^G at the last level's boxes), the words (E_L^T) and the cells of the finest level (F_L).
    Each of the three is normalised and gets a learned vector of its kind; regions and cells also get an embedding of
    their place.

    Args:
        embed_dims: Width D of the base model.
        out_dims: Width W of the decoder.
    """

    def __init__(self, embed_dims: int, out_dims: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.norms = nn.ModuleDict({kind: nn.LayerNorm(embed_dims) for kind in KINDS})
        self.kinds = nn.Embedding(len(KINDS), embed_dims)
        self.place = BoxEmbedding(embed_dims)
        self.projection = nn.Linear(embed_dims, out_dims)

    def forward(self, image: ImageFeatures, located: Located) -> Memory:
        """The memory of P row-wise pairs."""
        grid = image.pyramid[-1]
        cells = cell_boxes(*grid.shape[-2:], like=located.boxes[-1]).expand(len(grid), -1, -1)
        values = (located.regions, located.words, grid.flatten(2).transpose(1, 2))
        regions, words, grid_cells = (
            self.norms[kind](value) + self.kinds.weight[number]
            for number, (kind, value) in enumerate(zip(KINDS, values, strict=True))
        )
        regions = regions + self.place(located.boxes[-1]).to(regions.dtype)
        grid_cells = grid_cells + self.place(cells).to(grid_cells.dtype)
        masks = (located.region_mask, located.token_mask, located.region_mask.new_ones(grid_cells.shape[:2]))
        return Memory(
            tokens=self.projection(torch.cat([regions, words, grid_cells], dim=1)), mask=torch.cat(masks, dim=1)
        )
