"""Boxes against gold boxes: the protocols of phrase grounding.

Boxes are absolute xyxy unless said otherwise. A phrase has M >= 1 gold boxes; a model gives it N ranked boxes, best
first (N may be 0, which is a miss everywhere).

- any-box: a box hits if its IoU with ANY gold box reaches the threshold.
- merged-box: the gold boxes are first merged into the one smallest box that holds them all.
- pointing: a point, the centre of the first box or the peak of the phrase's map, lies in any gold box (its border
  included).
- mean IoU: the IoU of the first box with the gold box it fits best.
- all boxes: of several boxes that are shown, each finds the free gold box it fits best, best box first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torchvision.ops import box_iou


@dataclass
class PhraseScore:
    """How one ranked list of boxes does on one phrase.

    - ``any_rank``, ``merged_rank``: rank (from 1) of the first box that hits, infinite if none does.
    - ``pointing``: whether the first box points at the phrase.
    - ``iou``: IoU of the first box with its best gold box.
    """

    any_rank: float
    merged_rank: float
    pointing: bool
    iou: float


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU of (N, 4) and (M, 4) boxes as (N, M) float64; 0 where both boxes are empty."""
    return box_iou(boxes.double().reshape(-1, 4), others.double().reshape(-1, 4)).nan_to_num(0.0)


def best_iou(box: ArrayLike | Tensor, others: ArrayLike | Tensor) -> float:
    """IoU of one box, (4,), with the one of (M, 4) boxes that it fits best; M >= 1."""
    return float(pairwise_iou(torch.as_tensor(box), torch.as_tensor(others)).max())


def coco_size(boxes: Tensor) -> str:
    """'small', 'medium' or 'large': COCO's group of the largest of the (M, 4) boxes, in pixels; M >= 1.

    Its bounds are areas of 32 x 32 and 96 x 96 pixels. COCO takes them of masks, here they are of boxes.
    """
    side = float((boxes[:, 2:] - boxes[:, :2]).double().prod(dim=1).max()) ** 0.5
    return 'small' if side < 32 else 'medium' if side < 96 else 'large'


def union_box(boxes: Tensor) -> Tensor:
    """The smallest box, (1, 4), that holds all of the (M, 4) boxes; M >= 1."""
    return torch.cat([boxes[:, :2].amin(dim=0), boxes[:, 2:].amax(dim=0)])[None]


def hit_rank(boxes: Tensor, gold: Tensor, threshold: float = 0.5) -> float:
    """Rank (from 1) of the first of the (N, 4) boxes with IoU >= ``threshold`` with any gold box, or infinity."""
    if not len(boxes):
        return math.inf
    hits = (pairwise_iou(boxes, gold).amax(dim=1) >= threshold).nonzero()
    return float(hits[0, 0]) + 1 if len(hits) else math.inf


def found_boxes(boxes: Tensor, gold: Tensor, threshold: float = 0.5) -> int:
    """How many of the gold boxes (M, 4) the boxes (N, 4), best first, find, each of them one at most.

    A box finds the gold box that it fits best of those that no better box has found, if the IoU is >= ``threshold``.
    """
    overlaps, found = pairwise_iou(boxes, gold), 0
    for row in range(len(boxes)):
        best, place = overlaps[row].max(dim=0)
        if best >= threshold:
            overlaps[:, place], found = 0.0, found + 1
    return found


def points_at(points: Tensor, gold: Tensor) -> bool:
    """Whether the first of the (N, 2) points lies in, or on the border of, any gold box (M, 4)."""
    first = points[:1, None]
    return bool(((gold[:, :2] <= first) & (first <= gold[:, 2:])).all(dim=-1).any())


def box_centers(boxes: Tensor) -> Tensor:
    """The centres (N, 2) of (N, 4) boxes."""
    return (boxes[:, :2].double() + boxes[:, 2:].double()) / 2


def score_phrase(boxes: Tensor, gold: Tensor, threshold: float = 0.5) -> PhraseScore:
    """All the protocols for one phrase.

    Args:
        boxes: (N, 4), best first.
        gold: (M, 4), M >= 1.
        threshold: the IoU from which a box hits.

    Raises:
        ValueError: if the phrase has no gold box.
    """
    if not len(gold):
        raise ValueError('A phrase without a gold box cannot be scored; leave it out and count it.')
    return PhraseScore(
        any_rank=hit_rank(boxes, gold, threshold),
        merged_rank=hit_rank(boxes, union_box(gold), threshold),
        pointing=points_at(box_centers(boxes), gold),
        iou=best_iou(boxes[0], gold) if len(boxes) else 0.0,
    )


def whole_box(height: float, width: float) -> Tensor:
    """The whole image as (1, 4): the baseline that never looks."""
    return torch.tensor([[0.0, 0.0, width, height]], dtype=torch.float64)


def center_box(height: float, width: float, side: float = 0.5) -> Tensor:
    """A box in the middle of the image, ``side`` times as wide and as high as it, as (1, 4)."""
    margin = (1 - side) / 2
    size = torch.tensor([[width, height, width, height]], dtype=torch.float64)
    return size * torch.tensor([margin, margin, 1 - margin, 1 - margin], dtype=torch.float64)


def mean_pairwise_iou(boxes: Tensor) -> float | None:
    """Mean IoU over the N (N - 1) / 2 pairs of (N, 4) boxes; None when there is no pair."""
    count = len(boxes)
    if count < 2:
        return None
    row, column = torch.triu_indices(count, count, offset=1)
    return float(pairwise_iou(boxes, boxes)[row, column].mean())


def region_sides(boxes: Tensor) -> Tensor:
    """sqrt(width * height) of each of the (N, 4) boxes, as (N,) float64."""
    size = (boxes[:, 2:].double() - boxes[:, :2].double()).clamp(min=0)
    return size.prod(dim=1).sqrt()
