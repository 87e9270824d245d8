"""Multi-scale testing of retrieval: each image is seen in several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from slan_mm.models.slan import SLAN
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures

#: Sides of enlarged images are multiples of this many pixels, as backbones and patches need them.
MULTIPLE = 32


@MODELS.register_module()
class MultiScaleSLAN(SLAN):
    """SLAN that encodes each image, in evaluation mode, in its own size and enlarged.

    No parameter is added, so a checkpoint of SLAN fits. ITC compares the direction of the mean embedding of all sizes,
    a word the best region of any size. The locator and ITM read the image in its own size alone.

    Args:
        scales: Factors by which images are enlarged, beside 1. Sides are rounded to multiples of ``MULTIPLE`` pixels.
        slan: What :class:`SLAN` takes.

    Raises:
        ValueError: There is no scale, or one is not positive.
    """

    def __init__(self, scales: Sequence[float] = (1.3,), **slan: Any) -> None:
        super().__init__(**slan)
        if not scales or min(scales) <= 0:
            raise ValueError(f'scales must be positive numbers, at least one, got {scales!r}')
        self.scales = tuple(scales)

    def encode_image(self, inputs: Tensor | Sequence[Tensor]) -> ImageFeatures:
        """Features of B images (B, 3, H, W) with the regions of all sizes in ``region_space``.

        Raises:
            ValueError: The images are stored features, which have one size.
        """
        image = super().encode_image(inputs)
        if self.training:
            return image
        if not isinstance(inputs, Tensor):
            raise ValueError(
                'MultiScaleSLAN enlarges images, and stored features have one size: test with a pipeline of LoadImage, '
                'ResizeImage and PackPairs'
            )
        larger = [super(MultiScaleSLAN, self).encode_image(enlarged(inputs, scale)) for scale in self.scales]
        views = [image, *larger]
        return replace(
            image,
            embedding=normalize(torch.stack([view.embedding for view in views]).mean(0), dim=-1),
            region_space={
                term: torch.cat([view.region_space[term] for view in views], dim=1) for term in image.region_space
            },
        )


def enlarged(images: Tensor, scale: float) -> Tensor:
    """Images (B, 3, H, W), ``scale`` times as large."""
    size = [max(round(side * scale / MULTIPLE), 1) * MULTIPLE for side in images.shape[-2:]]
    return interpolate(images, size, mode='bilinear', antialias=True)
