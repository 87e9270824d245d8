"""Phrase grounding in overlapping tiles of an image: small things are seen larger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseTTAModel
from torch import Tensor

from slan_mm.models.grounding_tta import plain_images
from slan_mm.models.resizing import resized
from slan_mm.registry import MODELS

#: A box of a tile that comes as near to a side inside the image, as a share of the tile, is of a thing that goes on.
BORDER = 0.02


@MODELS.register_module()
class GroundingTiles(BaseTTAModel):
    """Grounds phrases in the whole image and in its 2 x 2 tiles, and ranks all boxes together by their scores.

    The whole image and the four tiles, one in each corner, have the same size in pixels, so that the image of the test
    pipeline has to be larger than it. A box of a tile that touches a side inside the image shows a part of a thing and
    is left out. Levels before the last, regions and peaks are those of the whole image.

    Args:
        module: A model that grounds phrases, or its config.
        size: Height and width of the whole image and of a tile.
    """

    def __init__(self, module: Any, size: int) -> None:
        super().__init__(module)
        self.size = size

    def test_step(self, data: dict) -> list:
        """The samples of a batch (``inputs``, a list of (3, H, W), and ``data_samples``) with ``pred_phrases``.

        Raises:
            ValueError: The images are stored features, or not larger than ``size``, or two tiles leave a gap.
        """
        images, samples = plain_images(data), data['data_samples']
        for image in images:
            if not self.size < min(image.shape[-2:]) or max(image.shape[-2:]) > 2 * self.size:
                raise ValueError(
                    f'tiles: an image of {tuple(image.shape[-2:])} pixels has no 2 x 2 overlapping tiles of '
                    f'{self.size}; resize it in the test pipeline to between one and two times as many'
                )
        whole = [resized(image, (self.size, self.size)) for image in images]
        merged = self.module.test_step(dict(inputs=whole, data_samples=[sample.clone() for sample in samples]))
        for down in (False, True):
            for right in (False, True):
                tiles = [self._tile(*pair, down, right) for pair in zip(images, samples, strict=True)]
                answers = self.module.test_step(
                    dict(inputs=[one[0] for one in tiles], data_samples=[one[1] for one in tiles])
                )
                for sample, answer, (_, _, corner) in zip(merged, answers, tiles, strict=True):
                    _add_answers(sample, answer, corner, (down, right))
        return self.merge_preds([[sample] for sample in merged])

    def merge_preds(self, data_samples_list: Sequence[Sequence]) -> list:
        """Each sample, the boxes of its phrases by falling score."""
        for (sample,) in data_samples_list:
            for *_, last in sample.pred_phrases:
                order = last['scores'].argsort(descending=True, stable=True)
                last.update(boxes=last['boxes'][order], scores=last['scores'][order])
        return [sample for (sample,) in data_samples_list]

    def _tile(self, image: Tensor, sample: Any, down: bool, right: bool) -> tuple[Tensor, Any, tuple[float, float]]:
        """The tile (3, size, size) in a corner of ``image``, the sample asked of it, and its place (x, y) in original
        pixels."""
        height, width = image.shape[-2:]
        top, left = (height - self.size) * down, (width - self.size) * right
        tile, scale = sample.clone(), (sample.ori_shape[0] / height, sample.ori_shape[1] / width)
        tile.set_metainfo(dict(ori_shape=(self.size * scale[0], self.size * scale[1])))
        cut = image[:, top : top + self.size, left : left + self.size]
        return cut, tile, (left * scale[1], top * scale[0])


def _add_answers(sample: Any, answer: Any, corner: tuple[float, float], side: tuple[bool, bool]) -> None:
    """Adds what a tile at ``corner`` answers to the last level of the ``sample``'s phrases; ``side``: down, right."""
    height, width = answer.ori_shape
    down, right = side
    for (*_, last), (*_, own) in zip(sample.pred_phrases, answer.pred_phrases, strict=True):
        x1, y1, x2, y2 = own['boxes'].unbind(1)
        cut = (x1 < BORDER * width) if right else (x2 > (1 - BORDER) * width)
        cut = cut | ((y1 < BORDER * height) if down else (y2 > (1 - BORDER) * height))
        moved = own['boxes'][~cut] + own['boxes'].new_tensor(corner * 2)
        last['boxes'] = torch.cat([last['boxes'], moved])
        last['scores'] = torch.cat([last['scores'], own['scores'][~cut]])
