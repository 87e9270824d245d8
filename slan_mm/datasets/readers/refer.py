"""Referring expressions as their authors publish them (Kazemzadeh et al. 2014, Yu et al. 2016, Mao et al. 2016).

RefCOCO, RefCOCO+ and RefCOCOg are a list of references, ``refs(<author>).p``, beside COCO's ``instances.json``.
"""

import io
import os
import pickle
import pickletools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from slan_mm.datasets.readers.boxes import corners
from slan_mm.datasets.readers.entry import Entry, json_entries, load_json
from slan_mm.datasets.readers.grounding_record import GroundingRecord, PhraseRecord
from slan_mm.plain_text import short

_REMEDY = (
    "format='refer' reads refs(unc).p, refs(google).p or refs(umd).p (or a json of the same list): [{ann_id, image_id, "
    'split, sentences: [{sent_id, sent}]}], and instances.json of COCO: {images: [{id, file_name, height, width}], '
    'annotations: [{id, bbox: [x, y, w, h]}]}.'
)


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists, dicts, texts and numbers; a pickle that asks for anything else could run code."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f'it asks for {module}.{name}, which the lists of references do not hold')


def read_refer(ann_file: Path, instances: Path, img_root: str, split: str | None = None) -> Iterator[GroundingRecord]:
    """One record an expression: its caption is the expression, its only phrase the whole of it, with one box.

    ``sample_id`` is the expression's ``sent_id``. Boxes and sizes are those of ``instances``.

    Args:
        ann_file: The list of references, ``.p`` (a pickle of plain values) or ``.json``.
        instances: COCO's ``instances.json``.
        img_root: Folder of the images (COCO's train2014).
        split: 'train', 'val', 'testA', ...; None takes all.

    Raises:
        FileNotFoundError: A file is missing.
        AnnotationError: A file is not what it should be, or there is nothing in the split.
    """
    data = load_json(instances, nan=True)
    images = {entry.take('id', int, _REMEDY): entry for entry in json_entries(instances, data, 'images', _REMEDY)}
    boxes = {entry.take('id', int, _REMEDY): entry for entry in json_entries(instances, data, 'annotations', _REMEDY)}
    seen: Counter[str] = Counter()
    for entry in _references(ann_file):
        own_split = entry.take('split', str, _REMEDY)
        seen[own_split] += 1
        if split is not None and own_split != split:
            continue
        image = _found(entry, 'image_id', images, instances)
        annotation = _found(entry, 'ann_id', boxes, instances)
        told = annotation.data.get('image_id', image.data['id'])
        if told != image.data['id']:
            entry.fail(
                f'the box {annotation.data["id"]} is of image {short(told)} in {instances}, not of {image.data["id"]}',
                'Both files must be of the same data set.',
            )
        box = corners(annotation.take('bbox', object, _REMEDY))
        for number, item in enumerate(entry.take('sentences', list, _REMEDY)):
            sentence = entry.child('sentences', number, item)
            text = sentence.take('sent', str, _REMEDY)
            identity = sentence.take_id('sent_id', _REMEDY)
            yield GroundingRecord(
                img_path=os.path.join(img_root, image.take_path('file_name', _REMEDY)),
                image_id=str(image.data['id']),
                sample_id=identity,
                text=text,
                size=(image.take('height', int, _REMEDY), image.take('width', int, _REMEDY)),
                phrases=[PhraseRecord([[0, len(text)]], [box], None, '0')],
                entry=sentence,
                boxes_from=annotation,
            )
    if split is not None and not seen[split]:
        Entry(None, ann_file).fail(f'nothing in split {split!r}', f'References by split: {dict(seen)}.')


def _load_plain(content: bytes) -> Any:
    for opcode, argument, _ in pickletools.genops(content):
        # A place in the unpickler's memory, which grows to hold it: 9 bytes could ask for 32 GB.
        if opcode.name.endswith('PUT') and argument > len(content):
            raise pickle.UnpicklingError(f'it asks for place {argument} of the memory')
    # Written by Python 2: its texts are bytes in the pickle.
    return _PlainUnpickler(io.BytesIO(content), encoding='utf-8').load()


def _references(file: Path) -> Iterator[Entry]:
    if file.suffix == '.json':
        yield from json_entries(file, load_json(file), None, _REMEDY)
        return
    if not file.is_file():
        raise FileNotFoundError(f'The annotation file {str(file)!r} does not exist. Check data_root and ann_file.')
    try:
        data = _load_plain(file.read_bytes())
    except Exception as error:  # pickle raises nearly anything
        what = ' '.join(f'{type(error).__name__}: {error}'.split())
        Entry(None, file).fail(f'not a readable list of references ({what})', 'Is the download complete?')
    if not isinstance(data, list):
        Entry(None, file).fail(f'expected a list of references, got {type(data).__name__}', _REMEDY)
    for index, reference in enumerate(data):
        yield Entry(reference, file, f'entry {index}')


def _found(entry: Entry, name: str, known: dict[int, Entry], file: Path) -> Entry:
    key = entry.take(name, int, _REMEDY)
    if key not in known:
        entry.fail(f'{name} {key} is not in {file}', 'Both files must be of the same data set.')
    return known[key]
