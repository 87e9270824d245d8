"""Test-time augmentation of phrase grounding: the same question asked of several views of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseTTAModel
from torch import Tensor
from torchvision.ops import box_iou

from slan_mm.mirror import mirrored_boxes, mirrored_text
from slan_mm.models.phrase_grounding import SAME_PLACE, marked_text
from slan_mm.models.resizing import scaled
from slan_mm.registry import MODELS

#: Sides of the larger view are multiples of this many pixels.
MULTIPLE = 16
#: The boxes (N, 4) of a phrase, best first, and their scores (N,).
_Ranked = tuple[Tensor, Tensor]


@MODELS.register_module()
class GroundingTTAModel(BaseTTAModel):
    """Grounds phrases in three views of an image, as the pipeline resizes it, mirrored, and larger.

    In the mirrored image left is right and right is left, in the text too. See :func:`merge_views`. Peaks of maps and
    what was not read are those of the first view.

    Args:
        module: A model that grounds phrases, or its config.
        scale: How much larger the third view is, rounded to multiples of 16 pixels.
    """

    def __init__(self, module: Any, scale: float = 1.25) -> None:
        super().__init__(module)
        self.scale = scale

    def test_step(self, data: dict) -> list:
        """The samples of a batch (``inputs``, a list of (3, H, W), and ``data_samples``) with merged ``pred_phrases``.

        Raises:
            ValueError: The images are stored features, which have no views.
        """
        images, samples = plain_images(data), data['data_samples']
        plain = self.module.test_step(dict(inputs=images, data_samples=[sample.clone() for sample in samples]))
        flipped = self.module.test_step(
            dict(inputs=[image.flip(-1) for image in images], data_samples=[_mirrored(sample) for sample in samples])
        )
        larger = self.module.test_step(
            dict(
                inputs=[scaled(image, self.scale, MULTIPLE) for image in images],
                data_samples=[one.clone() for one in samples],
            )
        )
        return self.merge_preds(list(zip(plain, flipped, larger, strict=True)))

    def merge_preds(self, data_samples_list: Sequence[Sequence]) -> list:
        """Of each sample the first view's, with the phrases of all views merged; the second one is mirrored."""
        merged = []
        for first, flipped, larger in data_samples_list:
            width = first.ori_shape[1]
            phrases = []
            for levels in zip(first.pred_phrases, flipped.pred_phrases, larger.pred_phrases, strict=True):
                own = []
                for one, other, large in zip(*levels, strict=True):
                    views = [
                        (one['boxes'], one['scores']),
                        (mirrored_boxes(other['boxes'], width), other['scores']),
                        (large['boxes'], large['scores']),
                    ]
                    own.append(dict(zip(('boxes', 'scores'), merge_views(views), strict=True)))
                phrases.append(own)
            first.set_field(phrases, 'pred_phrases')
            merged.append(first)
        return merged


def plain_images(data: dict) -> list[Tensor]:
    """The images (3, H, W) of a batch, of which views can be made.

    Raises:
        ValueError: They are stored features.
    """
    if not all(isinstance(image, Tensor) and image.dim() == 3 for image in data['inputs']):
        raise ValueError('--tta: stored features have no views; test without a feature store')
    return data['inputs']


def merge_views(views: Sequence[_Ranked]) -> _Ranked:
    """A ranking of the first view's boxes by what all views say of them.

    Of each box the best-scored box of another view that is at the same place (IoU of .5 or more) is its answer there:
    the result has at each border the median of the answers, and their mean score. A view without one counts with its
    lowest score, and moves nothing. Views in which the phrase was not read do not count.
    """
    (boxes, scores), *others = views
    if not len(boxes):
        return boxes, scores
    seen, said = [boxes], [scores]
    for other, other_scores in others:
        if len(other):
            same = box_iou(boxes, other) >= SAME_PLACE
            first, found = same.int().argmax(1), same.any(1)
            seen.append(torch.where(found[:, None], other[first], torch.full_like(boxes, torch.nan)))
            said.append(torch.where(found, other_scores[first], other_scores.min()))
    merged = torch.stack(seen).nanquantile(0.5, dim=0)
    score, order = torch.stack(said).mean(0).sort(descending=True, stable=True)
    return merged[order], score


def _mirrored(sample: Any) -> Any:
    """A copy of a ``sample`` that asks what it asks of the mirrored image."""
    marked, copy = mirrored_text(marked_text(sample)), sample.clone()
    copy.set_field(marked.text, 'text')
    phrases = sample.get('phrases') or []
    copy.set_field([{**one, 'spans': spans} for one, spans in zip(phrases, marked.spans, strict=True)], 'phrases')
    return copy
