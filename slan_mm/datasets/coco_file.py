"""COCO's annotation files, read in one way by the data set and the metric: by the order of the class list."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset as MMDetCocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from slan_mm.datasets.readers.boxes import MAX_SIDE, finite_numbers
from slan_mm.datasets.readers.entry import AnnotationError, Entry, json_entries, load_json
from slan_mm.plain_text import short

#: The 80 names that mmdet takes where a config gives none.
STANDARD_CLASSES = tuple(MMDetCocoDataset.METAINFO['classes'])

_REMEDY = (
    "COCO's instances have {images: [{id, file_name, height, width}], categories: [{id, name}], annotations: "
    '[{id, image_id, category_id, bbox: [x, y, w, h], area?, iscrowd?}]}.'
)


class CocoFile(COCO):
    """mmdet's ``COCO``, whose :meth:`get_cat_ids` follows the class list, not the file.

    A label is a position in the class list. mmdet's own class gives the ids in the order of the file's ``categories``
    and leaves out names that are not there, so labels mean other classes wherever the two lists differ.

    Boxes of a file that counts them from 0, or names them, are numbered again from 1. Many exporters leave out
    ``iscrowd``, ``area`` or ``info``. They are 0, width times height of the box, and empty. Boxes without area, and of
    images that the file does not have, are logged with their number: nothing learns from them.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationError: It is not of COCO's layout; the message names file, line and entry.
    """

    def __init__(self, annotation_file: str | None = None) -> None:
        super().__init__()
        if annotation_file is not None:
            self.file = Path(annotation_file)
            self.dataset = _read(self.file)
            self.createIndex()
            self.img_ann_map, self.cat_img_map = self.imgToAnns, self.catToImgs

    def get_cat_ids(self, cat_names: Sequence[str] = (), sup_names: Any = (), cat_ids: Any = ()) -> list:
        """The category ids of ``cat_names``, one for each, in their order; without names those of the file.

        A file may hold a part of COCO's 80 classes: where the standard list is asked for, a class that the file does
        not have gets an id of its own, which no box has.

        Raises:
            AnnotationError: A name is not in the file, or stands for two categories.
        """
        if not cat_names or sup_names or cat_ids:
            return super().get_cat_ids(cat_names, sup_names, cat_ids)
        if isinstance(cat_names, str):
            raise AnnotationError(f'The classes are one text, {cat_names!r}. Write a list: classes=({cat_names!r},).')
        ids: dict[str, list] = {}
        for number, category in self.cats.items():
            ids.setdefault(category['name'], []).append(number)
        self._check_names(tuple(cat_names), ids)
        return [ids[name][0] if name in ids else self._add_category(name) for name in cat_names]

    def _check_names(self, names: tuple[str, ...], ids: dict[str, list]) -> None:
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise AnnotationError(f'The class list names {twice} twice. Remove one of the two.')
        for name in names:
            if len(ids.get(name, ())) > 1:
                raise AnnotationError(
                    f'{self.file}: the categories {ids[name]} are all named {name!r}, so no label can tell them apart. '
                    'Rename them, or give their boxes one category_id.'
                )
        unknown = [name for name in names if name not in ids]
        if names != STANDARD_CLASSES:
            if unknown:
                near = get_close_matches(unknown[0], ids, n=1)
                raise AnnotationError(
                    f'{self.file} has no category {unknown[0]!r}{f" (it has {near[0]!r})" if near else ""}. Its '
                    f'categories: {_few(ids)}. Correct metainfo.classes; a class without boxes, too, needs its entry '
                    "in the file's 'categories'."
                )
            return
        lost = [name for name, own in ids.items() if name not in names and any(self.catToImgs.get(n) for n in own)]
        if lost or len(unknown) == len(names):
            raise AnnotationError(
                f"{self.file} has classes that are not COCO's: {_few(lost or ids)}. Name your classes, in the data "
                'sets of training and evaluation: metainfo=dict(classes=(...)).'
            )

    def _add_category(self, name: str) -> int | str:
        numbers = [number for number in self.cats if isinstance(number, int)]
        # Of the kind of the others, with which it is sorted.
        number: int | str = max(numbers, default=0) + 1 if numbers or not self.cats else f'none of {name}'
        self.cats[number] = dict(id=number, name=name)
        self.dataset['categories'].append(self.cats[number])
        return number


def _few(names: Any) -> str:
    names = list(names)
    return ', '.join(map(repr, names[:20])) + (f' and {len(names) - 20} more' if len(names) > 20 else '')


def _read(file: Path) -> dict:
    data = load_json(file)
    if not isinstance(data, dict):
        Entry(data, file, line=1).fail(f'expected an object with fields, got {type(data).__name__}', _REMEDY)
    left_out: Counter[str] = Counter()
    seen: dict[str, set] = {'images': set(), 'categories': set(), 'annotations': set()}
    # Files of pictures to be searched, such as COCO's test sets, have no annotations.
    for key in ('images', 'categories', *(('annotations',) if 'annotations' in data else ())):
        for entry in json_entries(file, data, key, _REMEDY):
            number = entry.take('id', (int, str), _REMEDY)
            if number in seen[key]:
                entry.fail(f'the id {number!r} stands twice in {key!r}', 'Give every entry an id of its own.')
            seen[key].add(number)
            if key == 'images':
                entry.take_path('file_name', _REMEDY)
                for name in ('height', 'width'):
                    if not 1 <= entry.take(name, (int, float), _REMEDY) <= MAX_SIDE:
                        entry.fail(f'{name} {short(entry.data[name])} is no number of pixels', _REMEDY)
            elif key == 'categories':
                entry.take('name', str, _REMEDY)
            else:
                image = entry.take('image_id', (int, str), _REMEDY)
                category, box = entry.take('category_id', (int, str), _REMEDY), entry.take('bbox', list, _REMEDY)
                if category not in seen['categories']:
                    entry.fail(f'category_id {category!r} is not among the categories', _REMEDY)
                if not finite_numbers(box):
                    entry.fail(f'bbox {short(box)} is not four finite numbers', _REMEDY)
                left_out['boxes without area, which mmdet leaves out of training'] += min(box[2:]) <= 0
                left_out["boxes of images that are not among the file's"] += image not in seen['images']
                for name, default in (('iscrowd', 0), ('area', box[2] * box[3])):
                    if entry.data.get(name) is None:
                        entry.data[name] = default
                    elif not 0 <= entry.take(name, (int, float, bool), _REMEDY) <= MAX_SIDE**2:
                        entry.fail(f'{name} {short(entry.data[name])} is out of range', _REMEDY)
    for what, count in left_out.items():
        if count and count == len(data['annotations']):
            raise AnnotationError(f'{file}: all {count} annotations are {what}. {_REMEDY}')
        if count:
            print_log(
                f'{file}: {count} of {len(data["annotations"])} annotations are {what}', 'current', logging.WARNING
            )
    for key, ids in seen.items():
        if len({type(number) for number in ids}) > 1:
            raise AnnotationError(
                f'{file}: ids of {key!r} are numbers and texts, which pycocotools cannot sort. Write all in one way'
            )
    if not all(type(number) is int and number > 0 for number in seen['annotations']):
        # pycocotools counts a box of id 0 as not found, whatever found it; and nothing else reads these ids.
        for number, annotation in enumerate(data['annotations'], 1):
            annotation['id'] = number
    data.setdefault('info', {})
    return data
