"""A few true boxes, and which labels are right by them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np

from slan_mm.datasets.coco_file import CocoFile
from slan_mm.datasets.image_size import is_turned, wrong_size
from slan_mm.datasets.readers.captions import unit_hash
from slan_mm.datasets.readers.entry import AnnotationError, Entry
from slan_mm.plain_text import short
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.filters import labels_of
from slan_mm.pseudo_labels.views import iou

_REMEDY = 'Write a list of ids of the categories that the picture does not show, or leave the field out.'
#: A label is right if it overlaps a true box of its category by this IoU.
RIGHT = 0.5


class Gold:
    """True boxes of some pictures, from a COCO file.

    A picture is known by its path below the folder of the pictures, or else by its file name where only one has it.
    Boxes are kept in shares of the picture, whose file may have another size, but not be turned. Categories are those
    that the names in the file mean; a box of another one is left out, and of a category that the file lacks it tells
    nothing. A picture with ``neg_category_ids``, as in LVIS, tells of these and of those that have a box in it.

    Raises:
        FileNotFoundError, AnnotationError: See :class:`CocoFile`; or a picture stands twice, or ``neg_category_ids``
            are no categories.
    """

    def __init__(self, file: Path, categories: Categories) -> None:
        coco = CocoFile(str(file))
        names = {number: categories.of_phrase(one['name']) for number, one in coco.cats.items()}
        self._file = file
        self._boxes: dict[str, dict[str, list[list[float]]]] = {}
        self._sizes: dict[str, tuple[float, float]] = {}
        by_name: dict[str, list[str]] = {}
        for number, image in coco.imgs.items():
            entry = Entry(image, file, f'image {number}')
            told = names if 'neg_category_ids' not in image else entry.take('neg_category_ids', list, _REMEDY)
            if unknown := [one for one in told if isinstance(one, list | dict) or one not in names]:
                entry.fail(f'neg_category_ids names {short(unknown[0])}, which is no category', _REMEDY)
            if image['file_name'] in self._boxes:
                entry.fail(
                    f'the picture {image["file_name"]!r} stands twice',
                    'Give each picture one entry, with all its boxes.',
                )
            own: dict[str, list[list[float]]] = {name: [] for one in told if (name := names[one]) is not None}
            for annotation in coco.imgToAnns[number]:
                name = names[annotation['category_id']]
                if name is not None and not annotation['iscrowd'] and min(annotation['bbox'][2:]) > 0:
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


def fitting(box: Sequence[float], true: Sequence[Sequence[float]]) -> list[int]:
    """The numbers of the boxes ``true`` that ``box`` is right for, the best one first."""
    found = [(-overlap, number) for number, one in enumerate(true) if (overlap := iou(box, one)) >= RIGHT]
    return [number for _, number in sorted(found)]


def is_right(box: Sequence[float], true: Sequence[Sequence[float]]) -> bool:
    """Whether ``box`` is one of the boxes ``true``."""
    return bool(fitting(box, true))


def right_labels(record: dict, true: dict[str, list[list[float]]]) -> dict[int, bool]:
    """Of each label of a judged record, whose category is in ``true``, whether it is right; of several on one true box
    the surest is."""
    found: set[tuple[str, int]] = set()
    right = {}
    for number in sorted(labels_of(record), key=lambda place: -record['things'][place]['confidence']):
        thing = record['things'][number]
        name = thing['category']
        if name not in true:
            continue
        right[number] = take_first(((name, one) for one in fitting(thing['box'], true[name])), found)
    return right


def take_first(boxes: Iterable[Hashable], taken: set) -> bool:
    """Takes the first of ``boxes`` that is not ``taken``; whether there is one."""
    box = next((one for one in boxes if one not in taken), None)
    if box is not None:
        taken.add(box)
    return box is not None


def chooses(file_name: str) -> bool:
    """Whether thresholds are chosen by a picture of the gold set; by the other half their precision is measured."""
    return unit_hash(file_name) < 0.5
