"""Labels that people have corrected come back and count as true; boxes that a detector is sure of join them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.coco_file import CocoFile
from slan_mm.datasets.readers.boxes import finite_numbers
from slan_mm.datasets.readers.entry import AnnotationError, Entry, load_json
from slan_mm.own_files import claim
from slan_mm.pseudo_labels.detections import new_boxes

MERGED = 'merged.json'
_REMEDY = "Export the project from Label Studio in the format 'JSON', or give a COCO file."


@dataclass
class Merged:
    """How many pictures are corrected, and how many boxes a detector has added."""

    corrected: int
    added: int


def merge(out: Path, corrected: Path | None, detections: Path | None = None, score_thr: float = 0.5) -> Merged:
    """Writes ``merged.json`` in the folder ``out`` of a run: its labels with corrected ones, and with a detector's.

    A corrected box has the score 1, and ``extra`` says ``reviewed``. A corrected picture without boxes has none. Of
    ``detections`` join the :func:`new_boxes` of pictures that nobody has corrected; their ``extra`` says ``detected``.

    Raises:
        FileNotFoundError: There is no such file, or ``out`` has no labels.
        AnnotationError: The file is neither of the two formats, names a picture or a class that ``out`` does not have,
            has a picture in another size, or its boxes twice; and what :func:`new_boxes` raises.
    """
    labels = CocoFile(str(out / 'labels.json'))
    boxes = {} if corrected is None else _corrections(corrected, labels, out / 'labels.json')
    annotations = [one for one in labels.dataset['annotations'] if one['image_id'] not in boxes]
    for number in sorted(boxes):
        for category, box in boxes[number]:
            new = dict(image_id=number, category_id=category, bbox=box, score=1.0)
            annotations.append(_annotation(new, 'reviewed'))
    found = [] if detections is None else new_boxes(detections, labels, annotations, score_thr, boxes)
    annotations += [_annotation(one, 'detected') for one in found]
    annotations.sort(key=lambda one: one['image_id'])
    for number, one in enumerate(annotations, start=1):
        one['id'] = number
    claim(out, [MERGED])
    with replaced_atomically(out / MERGED) as temporary:
        text = json.dumps(dict(labels.dataset, annotations=annotations), ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + '\n', encoding='utf-8')
    return Merged(len(boxes), len(found))


def _annotation(box: dict, kind: str) -> dict:
    area = round(box['bbox'][2] * box['bbox'][3], 2)
    return dict(box, area=area, segmentation=[], iscrowd=0, extra={kind: True})


def _corrections(file: Path, labels: CocoFile, place: Path) -> dict[int, list[tuple[int, list[float]]]]:
    """Of each corrected picture its boxes (category, x, y, width, height in pixels)."""
    ids = {one['file_name']: number for number, one in labels.imgs.items()}
    classes = {one['name']: number for number, one in labels.cats.items()}
    boxes: dict[int, list[tuple[int, list[float]]]] = {}
    data = load_json(file)
    for name, own, entry in _label_studio(data, file) if isinstance(data, list) else _coco(file):
        if name not in ids:
            entry.fail(f'the picture {name!r} is not in {place}', 'Give the corrections of this run.')
        if ids[name] in boxes:
            entry.fail(f'the picture {name!r} stands twice', 'Leave one of the two.')
        sizes = [(one.get('width'), one.get('height')) for one in (entry.data, labels.imgs[ids[name]])]
        if not isinstance(data, list) and sizes[0] != sizes[1]:
            here, there = (f'{width} x {height}' for width, height in sizes)
            entry.fail(
                f'the picture {name!r} has {here} pixels, and {there} in {place}, so its boxes would lie elsewhere',
                'Give width, height and boxes in the pixels that the labels have.',
            )
        unknown = sorted({label for label, _ in own} - set(classes))
        if unknown:
            entry.fail(f'no class is called {unknown[0]!r}', f'The classes are {", ".join(classes)}.')
        boxes[ids[name]] = [
            (classes[label], _in_pixels(box, labels.imgs[ids[name]], isinstance(data, list))) for label, box in own
        ]
    return boxes


def _in_pixels(box: list[float], image: dict, percent: bool) -> list[float]:
    if not percent:
        return box
    x, y, width, height = box
    sides = (image['width'], image['height'])
    return [round(value * sides[place % 2] / 100, 2) for place, value in enumerate((x, y, width, height))]


def _coco(file: Path) -> Iterator[tuple[str, list[tuple[str, list[float]]], Entry]]:
    coco = CocoFile(str(file))
    for number, image in coco.imgs.items():
        own = [(coco.cats[one['category_id']]['name'], one['bbox']) for one in coco.imgToAnns[number]]
        yield image['file_name'], own, Entry(image, file, f'image {number}')


def _label_studio(data: list, file: Path) -> Iterator[tuple[str, list[tuple[str, list[float]]], Entry]]:
    """Of each task that was annotated the picture and its boxes (class, x, y, width, height in percent)."""
    for place, task in enumerate(data):
        entry = Entry(task, file, f'task {place}')
        content = Entry(entry.take('data', dict, _REMEDY), file, f'task {place}, data')
        done = [one for one in task.get('annotations', []) if not one.get('was_cancelled')]
        if not done:
            continue
        name = content.data.get('file_name') or _file_of(content.take('image', str, _REMEDY))
        own = []
        # The last annotation is the newest.
        for result in Entry(done[-1], file, f'task {place}, annotation').take('result', list, _REMEDY):
            if result.get('type') != 'rectanglelabels':
                continue
            value: Any = result.get('value', {})
            box = [value.get(side) for side in ('x', 'y', 'width', 'height')]
            if not finite_numbers(box) or not value.get('rectanglelabels'):
                entry.fail(f'{value} is no rectangle with a label', _REMEDY)
            if value.get('rotation'):
                entry.fail('a rectangle is rotated', 'Draw it upright.')
            own.append((value['rectanglelabels'][0], box))
        yield name, own, entry


def _file_of(url: str) -> str:
    parts = urlsplit(url)
    path = parse_qs(parts.query).get('d', [unquote(parts.path)])[0]
    return path.removeprefix('data/')


__all__ = ['MERGED', 'AnnotationError', 'merge']
