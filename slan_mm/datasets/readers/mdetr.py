"""Grounding in the json layout of MDETR and GLIP (Kamath et al. 2021, Li et al. 2022)."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slan_mm.datasets.readers.entry import Entry, json_entries, load_json
from slan_mm.datasets.readers.grounding_record import GroundingRecord, PhraseRecord

_REMEDY = (
    "format='mdetr' reads {images: [{id, file_name, height, width, caption, tokens_positive_eval: [[[start, end], "
    '...], ...]}], annotations: [{image_id, bbox: [x, y, w, h], tokens_positive: [[start, end], ...] or phrase_ids: '
    '[index, ...]}]}.'
)


def read_mdetr(ann_file: Path, img_root: str, whole_caption: bool = False) -> Iterator[GroundingRecord]:
    """One record an entry of ``images`` (an image with one caption).

    The phrases are those of ``tokens_positive_eval``, all of them, with all their spans, in that order; the number in
    it is the phrase's id. A box belongs to every phrase all of whose spans are among its ``tokens_positive``; where a
    box has no ``tokens_positive``, to the phrases at the positions ``phrase_ids``. A box that belongs to no phrase is
    an error: guessing from the order of the boxes goes wrong as soon as one phrase has no box.

    With ``whole_caption`` the file is one of referring expressions (MDETR's ``finetune_refcoco_*.json``): the caption
    is the only phrase, and exactly one box answers it. ``tokens_positive_eval`` and ``tokens_positive`` are not read.
    """
    data = load_json(ann_file)
    boxes: dict[Any, list[Entry]] = defaultdict(list)
    for entry in json_entries(ann_file, data, 'annotations', _REMEDY):
        boxes[entry.take('image_id', (int, str), _REMEDY)].append(entry)
    seen = set()
    for entry in json_entries(ann_file, data, 'images', _REMEDY):
        key = entry.take('id', (int, str), _REMEDY)
        if key in seen:
            entry.fail(f'a second image with id {key!r}', 'Give every (image, caption) entry an id of its own.')
        seen.add(key)
        name = entry.take('file_name', str, _REMEDY)
        caption = entry.take('caption', str, _REMEDY)
        spans_of_phrases = [[[0, len(caption)]]]
        if not whole_caption:
            spans_of_phrases = [_spans(entry, spans) for spans in entry.take('tokens_positive_eval', list, _REMEDY)]
        phrases = [PhraseRecord(spans, [], None, str(number)) for number, spans in enumerate(spans_of_phrases)]
        own = boxes.pop(key, [])
        for annotation in own:
            box = _box(annotation)
            for phrase in phrases if whole_caption else _phrases_of(annotation, phrases):
                phrase.boxes.append(box)
        if whole_caption and len(own) != 1:
            entry.fail(f'{len(own)} boxes for one expression', 'A referring expression has exactly one box.')
        yield GroundingRecord(
            img_path=os.path.join(img_root, name),
            image_id=str(entry.data.get('original_img_id', Path(name).stem)),
            sample_id=str(key),
            text=caption,
            size=(_pixels(entry, 'height'), _pixels(entry, 'width')),
            phrases=phrases,
            entry=entry,
        )
    for annotations in boxes.values():
        annotations[0].fail(
            f'image_id {annotations[0].data["image_id"]!r} is not among the images', 'Add the image or remove the box.'
        )


def _phrases_of(annotation: Entry, phrases: list[PhraseRecord]) -> list[PhraseRecord]:
    if 'tokens_positive' in annotation.data:
        covered = _spans(annotation, annotation.take('tokens_positive', list, _REMEDY))
        found = [phrase for phrase in phrases if all(span in covered for span in phrase.spans)]
        if not found:
            annotation.fail(
                f"the box belongs to no phrase: tokens_positive {covered} holds the spans of none of its image's "
                'tokens_positive_eval',
                'Add the phrase to tokens_positive_eval, or remove the box.',
            )
        return found
    ids = annotation.take('phrase_ids', (int, list), _REMEDY)
    ids = [ids] if isinstance(ids, int) else ids
    for index in ids:
        if not isinstance(index, int) or not 0 <= index < len(phrases):
            annotation.fail(
                f'phrase id {index!r} is no position in the {len(phrases)} phrases of its image',
                'phrase_ids count tokens_positive_eval from 0; or give the box its tokens_positive.',
            )
    return [phrases[index] for index in ids]


def _spans(entry: Entry, spans: Any) -> list[list[int]]:
    pairs = isinstance(spans, list) and all(
        isinstance(span, list) and len(span) == 2 and all(isinstance(value, int) for value in span) for span in spans
    )
    if not pairs:
        entry.fail(f'{str(spans)[:60]!r} is no list of spans [start, end]', _REMEDY)
    return [list(span) for span in spans]


def _box(entry: Entry) -> list[float]:
    box = entry.take('bbox', list, _REMEDY)
    if len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        entry.fail(f'bbox {box} is not four numbers [x, y, width, height]', _REMEDY)
    x, y, width, height = map(float, box)
    return [x, y, x + width, y + height]


def _pixels(entry: Entry, name: str) -> int:
    value = entry.take(name, (int, float, str), _REMEDY)  # MDETR's own files hold text here
    try:
        return int(value)
    except ValueError:
        entry.fail(f'field {name!r} should be a number of pixels, got {value!r}', _REMEDY)
