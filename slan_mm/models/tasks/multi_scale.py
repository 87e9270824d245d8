"""Multi-scale testing: each image is seen in several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from slan_mm.models.resizing import resized, scaled
from slan_mm.models.slan import SLAN
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures

#: Sides of resized images are multiples of this many pixels, as backbones and patches need them.
MULTIPLE = 32


@MODELS.register_module()
class MultiScaleSLAN(SLAN):
    """SLAN that encodes each image, in evaluation mode, in its own size and in others.

    No parameter is added, so a checkpoint of SLAN fits. The regions that are found in the image's own size are pooled
    from all sizes: ITC compares the direction of the mean embedding, and a word takes the best region of any size.
    Word-activation maps are the means over all sizes, at the resolution of the image's own. The rest is of that size.

    Args:
        scales: Factors by which images are resized, beside 1. Sides are rounded to multiples of ``MULTIPLE`` pixels.
        mirrored: Whether each size is also seen mirrored, as one more size; texts are not changed.
        slan: What :class:`SLAN` takes.

    Raises:
        ValueError: There is no scale, or one is not positive.
    """

    def __init__(self, scales: Sequence[float] = (1.3,), mirrored: bool = False, **slan: Any) -> None:
        super().__init__(**slan)
        if not scales or min(scales) <= 0:
            raise ValueError(f'scales must be positive numbers, at least one, got {scales!r}')
        self.scales = tuple(scales)
        self.mirrored = mirrored

    def encode_image(self, inputs: Tensor | Sequence[Tensor]) -> ImageFeatures:
        """Features of B images (B, 3, H, W); ``region_space`` has the regions of all sizes, one size after the other,
        then those of the mirrored sizes.

        Raises:
            ValueError: The images are stored features, which have one size.
        """
        if self.training:
            return super().encode_image(inputs)
        if not isinstance(inputs, Tensor):
            raise ValueError(
                'MultiScaleSLAN resizes images, and stored features have one size: test with a pipeline of LoadImage, '
                'ResizeImage and PackPairs'
            )
        image = super().encode_image(inputs)
        branch, found = self.image_branch, (image.boxes, image.saliency)
        sizes = [inputs, *(scaled(inputs, scale, MULTIPLE) for scale in self.scales)]
        views = [image, *(branch.features(branch.encoder.extract(size), True, found) for size in sizes[1:])]
        if self.mirrored:
            there = (_mirrored_boxes(image.boxes), image.saliency)
            turned = (branch.features(branch.encoder.extract(size.flip(-1)), True, there) for size in sizes)
            views += [_turned_back(view) for view in turned]
        return replace(
            image,
            embedding=normalize(torch.stack([view.embedding for view in views]).mean(0), dim=-1),
            region_space={
                term: torch.cat([view.region_space[term] for view in views], dim=1) for term in image.region_space
            },
            space_maps={
                term: [mean_map(levels) for levels in zip(*(view.space_maps[term] for view in views), strict=True)]
                for term in image.space_maps
            },
        )


def _mirrored_boxes(boxes: Tensor) -> Tensor:
    """Where ``boxes`` (..., 4), centre and size, are in the mirrored image."""
    x, rest = boxes.split((1, 3), dim=-1)
    return torch.cat([1 - x, rest], dim=-1)


def _turned_back(view: ImageFeatures) -> ImageFeatures:
    """``view`` of a mirrored image, with the maps of words as they are in the image itself."""
    return replace(
        view, space_maps={term: [level.flip(-1) for level in levels] for term, levels in view.space_maps.items()}
    )


def mean_map(maps: Sequence[Tensor]) -> Tensor:
    """The mean (B, C, H, W) of ``maps`` (B, C, H_i, W_i) at the resolution of the first."""
    size = maps[0].shape[-2:]
    return torch.stack([resized(level, size) for level in maps]).mean(0).to(maps[0].dtype)
