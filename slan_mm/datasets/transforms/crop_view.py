"""Crops that are the same each time: views of a picture that a feature store can hold."""

from __future__ import annotations

import hashlib

import numpy as np
from mmcv.transforms import BaseTransform

from slan_mm.datasets.transforms.boxes import refuse_boxes
from slan_mm.registry import TRANSFORMS

#: Bounds of a crop's width to height, as a share of the picture's: those of torchvision's ``RandomResizedCrop``.
ASPECT = (0.75, 4 / 3)


@TRANSFORMS.register_module()
class CropView(BaseTransform):
    """Cuts a crop out of ``img``, drawn by (``seed``, ``view``, ``image_id``) alone.

    Random crops keep a model from learning a small data set by heart; features of a crop can be stored only if it is
    the same each time. Several views, each in a store of its own, stand for random crops.

    Args:
        view: Number of the view.
        area: Bounds of the crop's area, as a share of the picture's.
        flip_prob: Probability that the crop is mirrored, for data whose texts rarely tell left from right.
        seed: Seed of all views.

    Raises:
        ValueError: ``area`` is not within (0, 1], or its bounds are in the wrong order; ``flip_prob`` is no
            probability; or the sample has boxes, which are for evaluation: it crops nothing.
    """

    def __init__(
        self,
        view: int,
        area: tuple[float, float] = (0.5, 1.0),
        flip_prob: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(f'area must be bounds within (0, 1], got {area}')
        if not 0 <= flip_prob <= 1:
            raise ValueError(f'flip_prob must be a probability, got {flip_prob}')
        self.view, self.area, self.flip_prob, self.seed = view, area, flip_prob, seed

    def transform(self, results: dict) -> dict:
        """``results`` with the cropped image."""
        refuse_boxes(results, 'CropView')
        name = hashlib.blake2b(str(results['image_id']).encode(), digest_size=8).digest()
        rng = np.random.default_rng([self.seed, self.view, int.from_bytes(name, 'big')])
        area, log_aspect = rng.uniform(*self.area), rng.uniform(*np.log(ASPECT))
        # Where a side would be longer than the picture's, the crop has the whole side.
        sides = np.minimum(1.0, np.sqrt(area * np.exp([-log_aspect, log_aspect])))
        shape = np.array(results['img'].shape[:2])
        size = np.maximum(1, np.rint(sides * shape)).astype(int)
        top, left = rng.integers(shape - size + 1)
        crop = results['img'][top : top + size[0], left : left + size[1]]
        results['img'] = np.ascontiguousarray(crop[:, ::-1] if rng.random() < self.flip_prob else crop)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(view={self.view}, area={self.area}, flip_prob={self.flip_prob}, seed={self.seed})'
        )
