"""What a text decoder attends to: located regions, located words, and the grid of the finest pyramid level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.locator.boxes import cell_centres
from slan_mm.structures import Batched, ImageFeatures, Located

PARTS = ('regions', 'words', 'grid')


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
    """Joins what the locator made of pairs with the pictures' grid into one sequence.

    Each part is normalised, told apart by a learned vector of its kind, and regions and cells say where they are.

    Args:
        embed_dims: Width D of the base model.
        out_dims: Width W of the decoder.
        parts: Which of 'regions' (E_L^G at the last level's boxes), 'words' (E_L^T) and 'grid' (F_L) to hold.

    Raises:
        ValueError: No part, or an unknown one.
    """

    def __init__(
        self, embed_dims: int, out_dims: int, parts: Sequence[str] = PARTS, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not parts or set(parts) - set(PARTS):
            raise ValueError(f'the parts of a memory are some of {PARTS}, got {tuple(parts)}')
        self.parts = tuple(parts)
        self.norms = nn.ModuleDict({part: nn.LayerNorm(embed_dims) for part in self.parts})
        self.kinds = nn.Embedding(len(self.parts), embed_dims)
        self.place = BoxEmbedding(embed_dims) if {'regions', 'grid'} & set(self.parts) else None
        self.projection = nn.Linear(embed_dims, out_dims)

    def forward(self, image: ImageFeatures, located: Located) -> Memory:
        """The memory of P row-wise pairs."""
        grid = image.pyramid[-1]
        everywhere = located.region_mask.new_ones(len(grid), grid.shape[-2] * grid.shape[-1])
        cells = cell_boxes(*grid.shape[-2:], like=located.boxes[-1]).expand(len(grid), -1, -1)
        sources: dict[str, tuple[Tensor, Tensor, Tensor | None]] = {
            'regions': (located.regions, located.region_mask, located.boxes[-1]),
            'words': (located.words, located.token_mask, None),
            'grid': (grid.flatten(2).transpose(1, 2), everywhere, cells),
        }
        tokens, masks = [], []
        for number, part in enumerate(self.parts):
            values, mask, boxes = sources[part]
            values = self.norms[part](values) + self.kinds.weight[number]
            if boxes is not None and self.place is not None:
                values = values + self.place(boxes).to(values.dtype)
            tokens.append(values)
            masks.append(mask)
        return Memory(tokens=self.projection(torch.cat(tokens, dim=1)), mask=torch.cat(masks, dim=1))
