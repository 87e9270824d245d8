"""MM-Grounding-DINO's ODVG files, json lines of detection and of grounding (Zhao et al. 2024)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slan_mm.datasets.readers.boxes import list_of_spans, pixels
from slan_mm.datasets.readers.entry import Entry, json_line_entries, load_json
from slan_mm.datasets.readers.grounding_record import GroundingRecord, PhraseRecord, phrases_of_boxes
from slan_mm.plain_text import is_blank

_REMEDY = (
    "format='odvg' reads json lines {filename, height, width} with grounding: {caption, regions: [{bbox: [x1, y1, x2, "
    'y2] or a list of these, tokens_positive: [[start, end], ...]}]}, or with detection: {instances: [{bbox, label, '
    'category?}]}.'
)
_LABELS = 'The label map is {"0": "person", "1": "bicycle", ...}, a name for every label.'


def read_odvg(ann_file: Path, img_root: str, label_map_file: Path | None = None) -> Iterator[GroundingRecord]:
    """One record a line: an image with one caption. ``sample_id`` is '<file name without its ending>#<line>'.

    Of ``grounding``, regions of the same ``tokens_positive`` are one phrase. Of ``detection`` the caption is the names
    of the image's classes with commas between them, each a phrase. The names are those of ``label_map_file``, or else
    each instance's ``category``.

    Raises:
        AnnotationError: A field is missing or wrong, or a label has no name.
    """
    labels = None if label_map_file is None else _LabelMap(label_map_file)
    for entry in json_line_entries(ann_file, _REMEDY, nan=True):
        name = entry.take_path('filename', _REMEDY)
        kinds = [kind for kind in ('grounding', 'detection') if entry.data.get(kind) is not None]
        if len(kinds) != 1:
            entry.fail('a line has either grounding or detection', _REMEDY)
        content = Entry(entry.take(kinds[0], dict, _REMEDY), ann_file, kinds[0], entry.line)
        if kinds == ['grounding']:
            text = content.take('caption', str, _REMEDY)
            phrases = phrases_of_boxes(list(_regions(content)))
        else:
            text, phrases = _classes(content, labels)
        image_id = Path(name).with_suffix('').as_posix()
        yield GroundingRecord(
            img_path=os.path.join(img_root, name),
            image_id=image_id,
            sample_id=f'{image_id}#{entry.line}',
            text=text,
            size=(pixels(entry, 'height', _REMEDY), pixels(entry, 'width', _REMEDY)),
            phrases=phrases,
            entry=entry,
        )


def _regions(content: Entry) -> Iterator[tuple[list[list[int]], Any]]:
    """Spans and box of each box of the regions."""
    for number, region in enumerate(content.take('regions', list, _REMEDY)):
        entry = content.child('regions', number, region)
        box = entry.take('bbox', object, _REMEDY)
        spans = list_of_spans(entry, entry.take('tokens_positive', list, _REMEDY), _REMEDY)
        several = isinstance(box, list) and any(isinstance(one, list) for one in box)
        yield from ((spans, one) for one in (box if several else [box]))


class _LabelMap:
    """The names of labels."""

    def __init__(self, file: Path) -> None:
        self.file = file
        entry = Entry(load_json(file), file)
        if not isinstance(entry.data, dict):
            entry.fail(f'expected an object, got {type(entry.data).__name__}', _LABELS)
        self.names = {label.strip(): entry.take(label, str, _LABELS).strip() for label in entry.data}
        for label, name in self.names.items():
            if is_blank(name):
                entry.fail(f'label {label!r} has an empty name', _LABELS)

    def name(self, entry: Entry) -> str:
        """The name of an instance's label."""
        label = entry.take_id('label', _REMEDY)
        if label not in self.names:
            entry.fail(f'label {label!r} has no name in {self.file}', _LABELS)
        return self.names[label]


def _classes(content: Entry, labels: _LabelMap | None) -> tuple[str, list[PhraseRecord]]:
    """The caption of a detection's classes, in the order in which they come first, and its phrases."""
    boxes: dict[str, list[Any]] = {}
    for number, instance in enumerate(content.take('instances', list, _REMEDY)):
        entry = content.child('instances', number, instance)
        name = (
            labels.name(entry) if labels else entry.take('category', str, f'{_REMEDY} Or give label_map_file.').strip()
        )
        if is_blank(name):
            entry.fail("field 'category' is empty", _REMEDY)
        boxes.setdefault(name, []).append(entry.take('bbox', object, _REMEDY))
    text, phrases = '', []
    for name, own in boxes.items():
        text += ', ' if text else ''
        phrases.append(PhraseRecord([[len(text), len(text) + len(name)]], own, [name], str(len(phrases))))
        text += name
    return text, phrases
