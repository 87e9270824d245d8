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
from slan_mm.datasets.readers.boxes import MAX_OVER, finite_numbers, pixels_over
from slan_mm.datasets.readers.entry import AnnotationError, Entry, load_json
from slan_mm.own_files import claim
from slan_mm.plain_text import short
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
        FileExistsError: An earlier ``merged.json`` has corrected pictures that ``corrected`` lacks: they would be lost.
        AnnotationError: The file has no correction, is neither of the two formats, names a picture or a class that
            ``out`` does not have, has a picture in another size, or its boxes twice, or a box that is none; and what
            :func:`new_boxes` raises.
    """
    labels = CocoFile(str(out / 'labels.json'))
    boxes = {} if corrected is None else _corrections(corrected, labels)
    if corrected is not None and not boxes:
        raise AnnotationError(f'{corrected} has no picture with an annotation. {_REMEDY}')
    _check_earlier(out / MERGED, {image['file_name'] for number, image in labels.imgs.items() if number in boxes})
    annotations = [one for one in labels.dataset['annotations'] if one['image_id'] not in boxes]
    for number in sorted(boxes):
        annotations += [_annotation(dict(one, image_id=number, score=1.0), 'reviewed') for one in boxes[number]]
    found = [] if detections is None else new_boxes(detections, labels, annotations, score_thr, boxes)
    annotations += [_annotation(one, 'detected') for one in found]
    annotations.sort(key=lambda one: one['image_id'])
    for number, one in enumerate(annotations, start=1):
        one['id'] = number
    claim(out, [MERGED], 'pseudo-labels')
    with replaced_atomically(out / MERGED) as temporary:
        text = json.dumps(dict(labels.dataset, annotations=annotations), ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + '\n', encoding='utf-8')
    return Merged(len(boxes), len(found))


def _check_earlier(merged: Path, corrected: set[str]) -> None:
    """Raises FileExistsError: ``merged`` has corrected pictures that are not among those ``corrected`` now."""
    if not merged.exists():
        return
    earlier = CocoFile(str(merged))
    reviewed = {one['image_id'] for one in earlier.dataset['annotations'] if one.get('extra', {}).get('reviewed')}
    lost = sorted({earlier.imgs[number]['file_name'] for number in reviewed} - corrected)
    if lost:
        raise FileExistsError(
            f'{merged} has {len(lost)} corrected pictures that would be lost, the first is {lost[0]}: give all '
            'corrections in one file, or move merged.json away'
        )


def _annotation(box: dict, kind: str) -> dict:
    area = round(box['bbox'][2] * box['bbox'][3], 2)
    return dict(dict(iscrowd=0), **box, area=area, segmentation=[], extra={kind: True})


def _corrections(file: Path, labels: CocoFile) -> dict[int, list[dict]]:
    """Of each corrected picture its boxes: ``category_id``, ``bbox`` in pixels, ``iscrowd``."""
    ids = {one['file_name']: number for number, one in labels.imgs.items()}
    classes = {one['name']: number for number, one in labels.cats.items()}
    boxes: dict[int, list[dict]] = {}
    data = load_json(file)
    for name, own, entry in _label_studio(data, file) if isinstance(data, list) else _coco(file):
        if name not in ids:
            entry.fail(f'the picture {name!r} is not in {labels.file}', 'Give the corrections of this run.')
        if ids[name] in boxes:
            entry.fail(f'the picture {name!r} stands twice', 'Leave one of the two.')
        sizes = [(one.get('width'), one.get('height')) for one in (entry.data, labels.imgs[ids[name]])]
        if not isinstance(data, list) and sizes[0] != sizes[1]:
            here, there = (f'{width} x {height}' for width, height in sizes)
            entry.fail(
                f'the picture {name!r} has {here} pixels, and {there} in {labels.file}: its boxes lie elsewhere',
                'Give width, height and boxes in the pixels that the labels have.',
            )
        unknown = sorted({one['label'] for one in own} - set(classes))
        if unknown:
            entry.fail(f'no class is called {unknown[0]!r}', f'The classes are {", ".join(classes)}.')
        boxes[ids[name]] = [
            dict(
                category_id=classes[one['label']],
                bbox=_in_picture(one['box'], labels.imgs[ids[name]], isinstance(data, list), entry),
                iscrowd=one['crowd'],
            )
            for one in own
        ]
    return boxes


def _in_picture(box: list[float], image: dict, percent: bool, entry: Entry) -> list[float]:
    """A box [x, y, width, height] in pixels, checked to be one, and to be in the picture."""
    sides = (image['width'], image['height'])
    if percent:
        box = [round(value * sides[place % 2] / 100, 2) for place, value in enumerate(box)]
    over = pixels_over([*box[:2], box[0] + box[2], box[1] + box[3]], sides[::-1])
    if min(box[2:]) <= 0 or over > MAX_OVER:
        what = 'has no area' if min(box[2:]) <= 0 else f'reaches {over:.1f} pixels out of the picture'
        entry.fail(f'the box {box} (x, y, width, height, in pixels) {what}', 'Correct it, or remove it.')
    return box


def _coco(file: Path) -> Iterator[tuple[str, list[dict], Entry]]:
    coco = CocoFile(str(file))
    for number, image in coco.imgs.items():
        own = [
            dict(label=coco.cats[one['category_id']]['name'], box=one['bbox'], crowd=int(one['iscrowd']))
            for one in coco.imgToAnns[number]
        ]
        yield image['file_name'], own, Entry(image, file, f'image {number}')


def _label_studio(data: list, file: Path) -> Iterator[tuple[str, list[dict], Entry]]:
    """Of each task that was annotated the picture and its boxes [x, y, width, height] in percent."""
    for place, task in enumerate(data):
        entry = Entry(task, file, f'task {place}')
        content = Entry(entry.take('data', dict, _REMEDY), file, f'task {place}, data')
        given = entry.take('annotations', list, _REMEDY) if 'annotations' in task else []
        if not all(isinstance(one, dict) for one in given):
            entry.fail('annotations has something that is no annotation', _REMEDY)
        done = [one for one in given if not one.get('was_cancelled')]
        if not done:
            continue
        known = content.data.get('file_name') is not None
        name = content.take('file_name', str, _REMEDY) if known else _file_of(content)
        # The last annotation is the newest.
        results = Entry(done[-1], file, f'task {place}, annotation').take('result', list, _REMEDY)
        if not all(isinstance(one, dict) for one in results):
            entry.fail('result has something that is no region', _REMEDY)
        rectangles = [one.get('value') for one in results if one.get('type') == 'rectanglelabels']
        yield name, [_rectangle(value, entry) for value in rectangles], entry


def _rectangle(value: Any, entry: Entry) -> dict:
    value = value if isinstance(value, dict) else {}
    box, found = [value.get(side) for side in ('x', 'y', 'width', 'height')], value.get('rectanglelabels')
    if not finite_numbers(box) or not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        entry.fail(f'{short(value)} is no rectangle with a label', _REMEDY)
    if len(found) != 1:
        entry.fail(f'a rectangle has {len(found)} labels', 'Give it one.')
    if value.get('rotation'):
        entry.fail('a rectangle is rotated', 'Draw it upright.')
    return dict(label=found[0], box=box, crowd=0)


def _file_of(content: Entry) -> str:
    url = content.take('image', str, _REMEDY)
    try:
        parts = urlsplit(url)
    except ValueError:
        content.fail(f'{short(url)} is no address', _REMEDY)
    path = parse_qs(parts.query).get('d', [unquote(parts.path)])[0]
    return path.removeprefix('data/')


__all__ = ['MERGED', 'AnnotationError', 'merge']
