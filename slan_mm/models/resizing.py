"""Images and maps in another size."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate


def resized(images: Tensor, size: Sequence[int]) -> Tensor:
    """``images`` (..., C, H, W) in another ``size``, height and width; floating point."""
    batch = images.float().reshape(-1, *images.shape[-3:])
    result = interpolate(batch, list(size), mode='bilinear', antialias=True)
    return result.reshape(*images.shape[:-2], *result.shape[-2:])


def whole_patches(images: Tensor, patch: int) -> Tensor:
    """``images`` (..., 3, H, W) at the next size whose sides are multiples of ``patch`` pixels.

    A vision transformer would not see the rest, or would see more than the image, and what it finds would be beside its
    place.
    """
    size = [max(round(side / patch), 1) * patch for side in images.shape[-2:]]
    return images if size == list(images.shape[-2:]) else resized(images, size).to(images.dtype)


def scaled(images: Tensor, scale: float, multiple: int) -> Tensor:
    """``images`` (..., C, H, W) ``scale`` times as large; sides are rounded to multiples of ``multiple`` pixels."""
    return resized(images, [max(round(side * scale / multiple), 1) * multiple for side in images.shape[-2:]])
