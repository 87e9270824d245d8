"""Mirroring an image without making its caption wrong."""

import re

import numpy as np
from mmcv.transforms import BaseTransform

from slan_mm.datasets.transforms.boxes import refuse_boxes
from slan_mm.registry import TRANSFORMS

_SIDED = re.compile(r'\b(left|right)(s|most|wards?|y|hand|handed|-\w+)?\b', re.IGNORECASE)


@TRANSFORMS.register_module()
class RandomFlipPair(BaseTransform):
    """Mirrors ``img`` left-right with probability ``prob``, unless a caption names left or right.

    The coin is ``results['rng']``, so that it depends on (seed, epoch, index) alone; it is thrown for every sample,
    sided or not. "All right" counts as sided: a picture too few mirrored does no harm. ``results['flip']`` tells what
    was done.

    Args:
        prob: Probability in [0, 1].

    Raises:
        ValueError: ``prob`` is out of range, or the sample has boxes: they are for evaluation, which mirrors nothing.
    """

    def __init__(self, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], got {prob}')
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """``results``, perhaps with the mirrored image."""
        refuse_boxes(results, 'RandomFlipPair')
        texts = [results['text']] if isinstance(results['text'], str) else results['text']
        flip = results['rng'].random() < self.prob and not any(_SIDED.search(text) for text in texts)
        if flip:
            results['img'] = np.ascontiguousarray(results['img'][:, ::-1])
        results['flip'] = bool(flip)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'
