"""A few true boxes: how precise labels are, and which thresholds make them as precise as is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from slan_mm.datasets.coco_file import CocoFile
from slan_mm.datasets.image_size import is_turned, wrong_size
from slan_mm.datasets.readers.captions import unit_hash
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.filters import ScoreRanks, Thresholds, judge, labels_of
from slan_mm.pseudo_labels.views import iou

#: A label is right if it overlaps a true box of its category by this IoU.
RIGHT = 0.5
#: Fewer things than this tell nothing of a precision.
FEWEST = 20
_AGREEMENTS = (0.0, *np.arange(0.5, 0.96, 0.05).round(2).tolist())
_QUANTILES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
# It decides most: by fine steps.
_CONFIDENCES = (0.0, *np.arange(0.5, 0.96, 0.01).round(2).tolist())
_MATCHES = (0.0, 0.5, 0.9, 0.99)


class Gold:
    """True boxes of some pictures, from a COCO file.

    A picture is known by its path below the folder of the pictures, or else by its file name where only one has it.
    Boxes are kept in shares of the picture, whose file may have another size, but not be turned. Categories are those
    that the names in the file mean; a box of another one is left out, and of a category that the file lacks it tells
    nothing. A picture with ``neg_category_ids``, as in LVIS, tells of these and of those that have a box in it.

    Raises:
        FileNotFoundError, AnnotationError: See :class:`CocoFile`.
    """

    def __init__(self, file: Path, categories: Categories) -> None:
        coco = CocoFile(str(file))
        names = {number: categories.of_phrase(one['name']) for number, one in coco.cats.items()}
        self._file = file
        self._boxes: dict[str, dict[str, list[list[float]]]] = {}
        self._sizes: dict[str, tuple[float, float]] = {}
        by_name: dict[str, list[str]] = {}
        for number, image in coco.imgs.items():
            told = image.get('neg_category_ids', names)
            own: dict[str, list[list[float]]] = {name: [] for one in told if (name := names[one]) is not None}
            for annotation in coco.imgToAnns[number]:
                name = names[annotation['category_id']]
                if name is not None and not annotation['iscrowd']:
                    x, y, width, height = annotation['bbox']
                    box = np.array([x, y, x + width, y + height]) / np.tile([image['width'], image['height']], 2)
                    own.setdefault(name, []).append(box.tolist())
            self._boxes[image['file_name']] = own
            self._sizes[image['file_name']] = image['height'], image['width']
            by_name.setdefault(Path(image['file_name']).name, []).append(image['file_name'])
        self._by_name = {name: places[0] for name, places in by_name.items() if len(places) == 1}

    def boxes(self, record: dict) -> dict[str, list[list[float]]] | None:
        """The true boxes of a record's picture in its pixels, of each category of which the file tells what is there;
        None of a picture that the file lacks.

        Raises:
            AnnotationError: Height and width have changed places.
        """
        name = record['file_name']
        name = name if name in self._boxes else self._by_name.get(Path(name).name, '')
        own = self._boxes.get(name)
        if own is None:
            return None
        found = record['height'], record['width']
        if is_turned(self._sizes[name], found):
            raise AnnotationError(f'{self._file}: {name}: {wrong_size(self._sizes[name], found)}')
        size = np.tile([record['width'], record['height']], 2)
        return {name: (np.reshape(boxes, (-1, 4)) * size).tolist() for name, boxes in own.items()}


def is_right(box: Sequence[float], true: Sequence[Sequence[float]]) -> bool:
    """Whether ``box`` is one of the boxes ``true``."""
    return any(iou(box, one) >= RIGHT for one in true)


def right_labels(record: dict, true: dict[str, list[list[float]]]) -> dict[int, bool]:
    """Of each label of a judged record, whose category is in ``true``, whether it is right; of several on one true box
    the surest is."""
    left = {name: list(boxes) for name, boxes in true.items()}
    right = {}
    for number in sorted(labels_of(record), key=lambda place: -record['things'][place]['confidence']):
        thing = record['things'][number]
        if (boxes := left.get(thing['category'])) is None:
            continue
        best = max(boxes, key=lambda one: iou(one, thing['box']), default=None)
        right[number] = False
        if best is not None and iou(best, thing['box']) >= RIGHT:
            right[number] = True
            boxes.remove(best)
    return right


def chooses(file_name: str) -> bool:
    """Whether thresholds are chosen by a picture of the gold set; by the other half their precision is measured."""
    return unit_hash(file_name) < 0.5


@dataclass
class Judged:
    """What filters read of the things in the gold set's pictures, (N,) each; ``right``: by their boxes alone."""

    match: np.ndarray
    quantile: np.ndarray
    agreement: np.ndarray
    confidence: np.ndarray
    right: np.ndarray
    chooses: np.ndarray

    def kept(
        self, agreement: float = 0.0, quantile: float = 0.0, match: float = 0.0, confidence: float = 0.0
    ) -> np.ndarray:
        """(N,) bool."""
        sure = (self.match >= match) & (self.confidence >= confidence)
        return (self.agreement >= agreement) & (self.quantile >= quantile) & sure


def judge_gold(records: Iterable[dict], ranks: ScoreRanks, thresholds: Thresholds, gold: Gold) -> Judged:
    """All things of the gold set's pictures of which it tells; those that were not read agree with nothing."""
    rows = []
    for record in records:
        if 'error' in record or (true := gold.boxes(record)) is None:
            continue
        judge(record, ranks, thresholds)
        own = chooses(record['file_name'])
        for thing in record['things']:
            if thing['category'] not in true:
                continue
            if 'box' not in thing:
                rows.append((0.0, -1.0, -1.0, -1.0, False, own))
                continue
            match = 1.0 if thing['match'] is None else thing['match']
            right = is_right(thing['box'], true[thing['category']])
            agreement = min(thing['flip'], thing['scale'])
            rows.append((match, thing['quantile'], agreement, thing['confidence'], right, own))
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0)] * 6
    match, quantile, agreement, sure, judged, choosing = columns
    return Judged(match, quantile, agreement, sure, judged.astype(bool), choosing.astype(bool))


def choose_thresholds(judged: Judged, thresholds: Thresholds, precision: float) -> Thresholds:
    """The thresholds of match, quantile, flip, scale and confidence that keep most at a ``precision``, by half of the
    gold set.

    Where none is so precise, the most precise ones that keep ``FEWEST`` things. Of equally good ones those that ask
    for least confidence.

    Raises:
        ValueError: The gold set has too few things.
    """
    own, count = judged.chooses, int(judged.chooses.sum())
    if count < FEWEST:
        raise ValueError(
            f'the gold set tells of {count} things in the pictures that choose thresholds, at least {FEWEST} are '
            'needed. Are its file names those of the pictures, and its categories those of --classes?'
        )
    tried = []
    for asked in product(_AGREEMENTS, _QUANTILES, _MATCHES, _CONFIDENCES):
        kept = judged.kept(*asked) & own
        if (number := int(kept.sum())) >= FEWEST:
            found = float(judged.right[kept].mean())
            tried.append((found >= precision, number if found >= precision else found, -asked[-1], asked))
    if not tried:
        return thresholds
    agreement, quantile, match, confidence = max(tried, key=lambda one: one[:3])[-1]
    return replace(thresholds, flip=agreement, scale=agreement, quantile=quantile, match=match, confidence=confidence)


def precision_by(judged: Judged, name: str) -> list[tuple[float, float, float]]:
    """(threshold, coverage, precision) on the half of the gold set that chooses nothing; ``name``: agreement, that of
    flip and scale, or confidence."""
    other = ~judged.chooses
    rows = []
    for least in (0.0, 0.5, 0.6, 0.7, 0.8, 0.9):
        kept = judged.kept(**{name: least}) & other
        if kept.any():
            rows.append((least, float(kept.sum() / other.sum()), float(judged.right[kept].mean())))
    return rows
