"""Grounding in the json layout of MDETR and GLIP (Kamath et al. 2021, Li et al. 2022)."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.boxes import corners, list_of_spans, pixels
from slan_mm.datasets.readers.entry import Entry, json_entries, load_json
from slan_mm.datasets.readers.grounding_record import GroundingRecord, PhraseRecord, phrases_of_boxes

_REMEDY = (
    "format='mdetr' reads {images: [{id, file_name, height, width, caption, tokens_positive_eval?: [[[start, end], "
    '...], ...]}], annotations: [{image_id, bbox: [x, y, w, h], tokens_positive: [[start, end], ...] or phrase_ids: '
    '[index, ...]}]}.'
)


def read_mdetr(ann_file: Path, img_root: str, whole_caption: bool = False) -> Iterator[GroundingRecord]:
    """One record an entry of ``images`` (an image with one caption).

    The phrases are those of ``tokens_positive_eval``, all of them, with all their spans, in that order; the number in
    it is the phrase's id. A box belongs to every phrase all of whose spans are among its ``tokens_positive``; where a
    box has no ``tokens_positive``, to the phrases at the positions ``phrase_ids``. A box that belongs to no phrase is
    an error: guessing from the order of the boxes goes wrong as soon as one phrase has no box.

    An entry without ``tokens_positive_eval``, as in MDETR's training files, has the phrases of its boxes: boxes of
    equal ``tokens_positive`` are one phrase's.

    With ``whole_caption`` the file is one of referring expressions (MDETR's ``finetune_refcoco_*.json``): the caption
    is the only phrase, and exactly one box answers it. ``tokens_positive_eval`` and ``tokens_positive`` are not read.
    """
    data = load_json(ann_file, nan=True)
    boxes: dict[str, list[Entry]] = defaultdict(list)
    for entry in json_entries(ann_file, data, 'annotations', _REMEDY):
        boxes[entry.take_id('image_id', _REMEDY)].append(entry)
    seen = set()
    for entry in json_entries(ann_file, data, 'images', _REMEDY):
        key = entry.take_id('id', _REMEDY)
        if key in seen:
            entry.fail(f'a second image with id {key!r}', 'Give every (image, caption) entry an id of its own.')
        seen.add(key)
        name, caption, own = (
            entry.take_path('file_name', _REMEDY),
            entry.take('caption', str, _REMEDY),
            boxes.pop(key, []),
        )
        if whole_caption and len(own) != 1:
            entry.fail(f'{len(own)} boxes for one expression', 'A referring expression has exactly one box.')
        yield GroundingRecord(
            img_path=os.path.join(img_root, name),
            image_id=_image_id(entry, name),
            sample_id=key,
            text=caption,
            size=(pixels(entry, 'height', _REMEDY), pixels(entry, 'width', _REMEDY)),
            phrases=_phrases(entry, caption, own, whole_caption),
            entry=entry,
        )
    for annotations in boxes.values():
        annotations[0].fail(
            f'image_id {annotations[0].data["image_id"]!r} is not among the images', 'Add the image or remove the box.'
        )


def _image_id(entry: Entry, name: str) -> str:
    # The path below the folder: two folders may hold a 1.jpg.
    known = entry.data.get('original_img_id') is not None
    return entry.take_id('original_img_id', _REMEDY) if known else Path(name).with_suffix('').as_posix()


def _phrases(entry: Entry, caption: str, own: list[Entry], whole_caption: bool) -> list[PhraseRecord]:
    """The phrases of an entry of ``images``, with the boxes of its ``own`` annotations."""
    boxes = [corners(annotation.take('bbox', object, _REMEDY)) for annotation in own]
    if whole_caption:
        return [PhraseRecord([[0, len(caption)]], boxes, None, '0')]
    if entry.data.get('tokens_positive_eval') is None:
        spans = [list_of_spans(one, one.take('tokens_positive', list, _REMEDY), _REMEDY) for one in own]
        return phrases_of_boxes(list(zip(spans, boxes, strict=True)))
    listed = entry.take('tokens_positive_eval', list, _REMEDY)
    phrases = [
        PhraseRecord(list_of_spans(entry, spans, _REMEDY), [], None, str(number)) for number, spans in enumerate(listed)
    ]
    for annotation, box in zip(own, boxes, strict=True):
        for phrase in _phrases_of(annotation, phrases):
            phrase.boxes.append(box)
    return phrases


def _phrases_of(annotation: Entry, phrases: list[PhraseRecord]) -> list[PhraseRecord]:
    if 'tokens_positive' in annotation.data:
        covered = list_of_spans(annotation, annotation.take('tokens_positive', list, _REMEDY), _REMEDY)
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
        if type(index) is not int or not 0 <= index < len(phrases):
            annotation.fail(
                f'phrase id {index!r} is no position in the {len(phrases)} phrases of its image',
                'phrase_ids count tokens_positive_eval from 0; or give the box its tokens_positive.',
            )
    return [phrases[index] for index in ids]
