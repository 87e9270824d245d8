"""Each word's best region of each image: the maximum in the region-word scores, with a gradient of its own."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

#: The most similarities of regions and words that are computed together: in float32 16 MB on a CPU, about its cache,
#: and 1 GiB on a GPU.
SIMILARITIES = {'cpu': 2**22, 'cuda': 2**28}


def best_regions(regions: Tensor, words: Tensor, similarities: int | None = None) -> Tensor:
    """The maximum over regions (B, R, C) of their cosine with each of ``words`` (T, NT, C), unit vectors: (B, T, NT).

    Images go in chunks of at most ``similarities`` numbers, one image at least; None: :data:`SIMILARITIES`.
    """
    flat = words.flatten(0, 1)
    similarities = similarities or SIMILARITIES.get(regions.device.type, SIMILARITIES['cuda'])
    chunk = max(1, similarities // (regions.shape[1] * len(flat)))
    if torch.is_grad_enabled() and (regions.requires_grad or words.requires_grad):
        best = BestRegions.apply(regions, flat, chunk)
    else:
        best = torch.cat([(some @ flat.t()).amax(1) for some in regions.split(chunk)])
    return best.unflatten(1, words.shape[:2])


class BestRegions(Function):
    """The maximum over ``regions`` (B, R, C) of their products with ``words`` (W, C): (B, W).

    It keeps only which region is the best. The gradient reaches this one alone, so the backward pass gathers it and
    multiplies no matrices. Of equally good regions, one has the whole gradient.
    """

    @staticmethod
    def forward(ctx: Any, regions: Tensor, words: Tensor, chunk: int) -> Tensor:
        """``chunk``: images whose similarities are computed together."""
        values, rows = zip(*(maximum(some @ words.t()) for some in regions.split(chunk)), strict=True)
        ctx.save_for_backward(regions, words, torch.cat(rows))
        return torch.cat(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """The gradients of regions and words, from that of the maxima (B, W)."""
        regions, words, rows = ctx.saved_tensors
        of_regions, of_words = torch.zeros_like(regions), torch.zeros_like(words)
        # An image at a time: (W, C) numbers.
        for image, own, best, weight in zip(regions, of_regions, rows, gradient.to(words.dtype), strict=True):
            own.index_add_(0, best, words * weight.unsqueeze(-1))
            of_words.addcmul_(image[best], weight.unsqueeze(-1))
        return of_regions, of_words, None


def maximum(similarity: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum of (B, R, W) over R, and its row, each (B, W).

    ``max`` with rows is slow on CPUs. So the maximum of each block of rows is found without them, and rows are looked
    for only in the best block.
    """
    count = similarity.shape[1]
    size = math.isqrt(count)
    blocks = torch.stack([block.amax(1) for block in similarity.split(size, dim=1)], dim=1)
    value, block = blocks.max(1)
    rows = block.unsqueeze(1) * size + torch.arange(size, device=block.device).view(1, -1, 1)
    # The last block may be smaller.
    rows = rows.clamp(max=count - 1)
    place = similarity.gather(1, rows).argmax(1, keepdim=True)
    return value, rows.gather(1, place).squeeze(1)
