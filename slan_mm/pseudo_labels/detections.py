"""A second round: boxes of which the detector that learned from the labels is sure, and that no label contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from slan_mm.datasets.coco_file import CocoFile
from slan_mm.datasets.readers.boxes import finite_numbers
from slan_mm.datasets.readers.entry import Entry, load_json
from slan_mm.plain_text import short
from slan_mm.pseudo_labels.views import iou

#: Boxes that overlap by a larger IoU show the same thing.
SAME = 0.5
_REMEDY = (
    'Give what tools/test.py writes for labels.json by test_evaluator.outfile_prefix: a list of image_id, category_id, '
    'bbox and score.'
)


def new_boxes(
    file: Path, labels: CocoFile, annotations: Sequence[dict], score_thr: float, leave: Iterable[int] = ()
) -> list[dict]:
    """Annotations for the boxes in ``file``, a detector's predictions, that have a score of ``score_thr`` or more.

    A box that is where a label or a surer box is (``SAME``) is left out: of the same class it tells nothing new, of
    another class it is contradicted.

    Args:
        file: mmdet's predictions for the pictures of ``labels``, by their ids and those of its categories.
        labels: The labels' file.
        annotations: The labels that are there.
        score_thr: Least score.
        leave: Ids of pictures that get no boxes, as those that people have corrected.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationError: It is no such list, or names a picture or a class that ``labels`` does not have.
    """
    taken: dict[int, list[list[float]]] = {number: [] for number in labels.imgs}
    for one in annotations:
        taken.setdefault(one['image_id'], []).append(_corners(one['bbox']))
    sure, left = [], set(leave)
    for place, found in enumerate(_detections(file, labels)):
        if found['score'] >= score_thr and found['image_id'] not in left:
            sure.append((-found['score'], place, found))
    new = []
    for _, _, found in sorted(sure, key=lambda one: one[:2]):
        box = _corners(found['bbox'])
        if all(iou(box, other) <= SAME for other in taken[found['image_id']]):
            taken[found['image_id']].append(box)
            new.append(found)
    return new


def _detections(file: Path, labels: CocoFile) -> Iterable[dict]:
    data = load_json(file)
    if not isinstance(data, list):
        Entry(data, file).fail('expected a list', _REMEDY)
    for place, content in enumerate(data):
        entry = Entry(content, file, f'box {place}')
        image, category = (entry.take(name, int, _REMEDY) for name in ('image_id', 'category_id'))
        box, score = entry.take('bbox', list, _REMEDY), entry.take('score', (int, float), _REMEDY)
        for number, known, what in ((image, labels.imgs, 'picture'), (category, labels.cats, 'class')):
            if number not in known:
                entry.fail(f'there is no {what} {number} in {labels.file}', 'Test the detector on this file.')
        if not finite_numbers(box) or not 0 <= score <= 1:
            entry.fail(f'{short(box)} with the score {short(score)} is no box with a score', _REMEDY)
        box = [round(float(side), 2) for side in box]
        if box[2] > 0 and box[3] > 0:
            yield dict(image_id=image, category_id=category, bbox=box, score=round(float(score), 4))


def _corners(box: Sequence[float]) -> list[float]:
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]
