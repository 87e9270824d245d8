"""Takes the picture away, for baselines that know the text alone."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from slan_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class BlankImage(BaseTransform):
    """Blackens ``img``, or each picture of a list. What a model then answers it has from the text, and from how often
    answers are right."""

    def transform(self, results: dict) -> dict:
        """``results`` with pictures of the same shape, all 0."""
        img = results['img']
        return {**results, 'img': [np.zeros_like(one) for one in img] if isinstance(img, list) else np.zeros_like(img)}
