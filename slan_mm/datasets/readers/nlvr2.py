"""NLVR2 (Suhr et al. 2019) as its authors publish it: json lines, photographs named after the example's identifier."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slan_mm.datasets.readers.entry import Entry, json_line_entries
from slan_mm.plain_text import is_blank, short

_IDENTIFIER = re.compile('([a-z]+[0-9]*)-([0-9]+)-([0-9]+)-([0-9]+)')
_LABELS = {'true': 1, 'false': 0}
_REMEDY = (
    'NLVR2 reads the official json lines {"identifier": "dev-850-0-0", "sentence": ..., "label": "True" or "False", '
    'and in train.json "directory": 0 to 99}, one example a line.'
)


@dataclass(slots=True)
class PairStatement:
    """A sentence about two photographs.

    - ``identifier``: '<split>-<set>-<pair>-<sentence>', unique in its file.
    - ``left``, ``right``: paths of the photographs.
    - ``label``: 1 where the sentence is true of them, 0 where not.
    """

    identifier: str
    left: str
    right: str
    sentence: str
    label: int
    entry: Entry

    @property
    def pair(self) -> str:
        """The identifier of the two photographs, which several sentences share."""
        return self.identifier.rsplit('-', 1)[0]


def read_nlvr2(ann_file: Path, img_root: str) -> Iterator[PairStatement]:
    """One record a line, in the file's order.

    The photographs of the example <split>-<set>-<pair>-<sentence> are <split>-<set>-<pair>-img0.png (left) and
    -img1.png (right), in the folders that the official archives unpack to, below ``img_root``:
    ``images/train/<directory>`` for the split 'train', and ``dev``, ``test1`` or ``test2`` for the others.

    Raises:
        AnnotationError: A field is missing or wrong, or an identifier comes twice.
    """
    seen: set[str] = set()
    for entry in json_line_entries(ann_file, _REMEDY):
        identifier = entry.take('identifier', str, _REMEDY)
        match = _IDENTIFIER.fullmatch(identifier)
        if match is None:
            entry.fail(f'identifier {short(identifier)} is not <split>-<set>-<pair>-<sentence>', _REMEDY)
        if identifier in seen:
            entry.fail(f'identifier {short(identifier)} comes twice', 'Remove one of the two lines.')
        seen.add(identifier)
        sentence = entry.take('sentence', str, _REMEDY).strip()
        if is_blank(sentence):
            entry.fail('the sentence is empty', 'Write it, or remove the line.')
        label = str(entry.take('label', (str, bool), _REMEDY)).lower()
        if label not in _LABELS:
            entry.fail(f'label {short(label)} is neither True nor False', _REMEDY)
        folder = os.path.join(img_root, _folder(entry, match[1]))
        name = os.path.join(folder, identifier.rsplit('-', 1)[0])
        yield PairStatement(identifier, f'{name}-img0.png', f'{name}-img1.png', sentence, _LABELS[label], entry)


def _folder(entry: Entry, split: str) -> str:
    if split != 'train':
        return split
    directory = entry.take('directory', (int, str), _REMEDY)
    if not re.fullmatch('[0-9]{1,2}', str(directory)):
        entry.fail(f'directory {short(directory)} is no number from 0 to 99', _REMEDY)
    return os.path.join('images', 'train', str(int(directory)))
