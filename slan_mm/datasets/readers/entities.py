"""The official Flickr30k Entities: ``Sentences/*.txt`` and ``Annotations/*.xml`` (Plummer et al. 2015)."""

import math
import os
import re
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.entry import Entry, read_text
from slan_mm.datasets.readers.grounding_record import GroundingRecord, PhraseRecord
from slan_mm.plain_text import is_whole

_OPENING = re.compile(r'\[/EN#(\d+)((?:/[^\s/\]]+)+)$')
_REMEDY = 'A phrase stands in a sentence as [/EN#<number>/<category>[/<category>] <words>].'


def read_entities(root: Path, img_root: str, split: str | None = None) -> Iterator[GroundingRecord]:
    """One record a sentence.

    A phrase's boxes are those of its entity; phrases without (not visual, the whole scene, not in the image) have
    none. Its id is '<entity>/<number of the phrase in the sentence>'. Coordinates are taken as the XML holds them, as
    MDETR and the official evaluation do.

    Args:
        root: Folder with ``Sentences/``, ``Annotations/`` and the lists ``train.txt``, ``val.txt``, ``test.txt``.
        img_root: Folder of the photographs ``<image id>.jpg``.
        split: Name of the list; None takes every image in ``Sentences/``.
    """
    for folder in ('Sentences', 'Annotations'):
        if not (root / folder).is_dir():
            raise FileNotFoundError(
                f'There is no folder {str(root / folder)!r}. Unpack annotations.zip of Flickr30k Entities into '
                f'{str(root)!r}.'
            )
    for name in _image_names(root, split):
        xml = root / 'Annotations' / f'{name}.xml'
        size, boxes = read_annotation(xml)
        file = root / 'Sentences' / f'{name}.txt'
        lines = [line for line in enumerate(read_text(file).split('\n'), start=1) if line[1].strip()]
        for sentence, (line, raw) in enumerate(lines):
            entry = Entry(None, file, line=line)
            text, phrases = parse_sentence(raw, entry)
            for phrase in phrases:
                phrase.boxes = boxes.get(phrase.phrase_id.split('/')[0], [])
            path = os.path.join(img_root, f'{name}.jpg')
            yield GroundingRecord(path, name, f'{name}#{sentence}', text, size, phrases, entry, Entry(None, xml))


def _image_names(root: Path, split: str | None) -> list[str]:
    source = root / ('Sentences' if split is None else f'{split}.txt')
    names = sorted(path.stem for path in source.glob('*.txt')) if split is None else read_text(source).split()
    for name, count in Counter(names).items():
        if count > 1:
            Entry(None, source).fail(f'the image {name!r} comes {count} times', 'Name every image once.')
        if not is_whole(name):
            Entry(None, source).fail(f'the name {name!a} is not UTF-8', 'Rename or remove the file.')
    return names


def parse_sentence(raw: str, entry: Entry) -> tuple[str, list[PhraseRecord]]:
    """A line of ``Sentences/*.txt`` -> the sentence, words joined by single spaces, and its phrases without boxes."""
    words: list[str] = []
    phrases: list[PhraseRecord] = []
    length = 0  # of the sentence so far
    opened: tuple[str, list[str], int] | None = None
    for token in raw.split():
        opening = _OPENING.match(token)
        if opening or token.startswith('[/EN') or '/EN#' in token:
            if opened or not opening:
                entry.fail(f'cannot make sense of {token!r}', _REMEDY)
            opened = (opening[1], opening[2].strip('/').split('/'), length + bool(words))
            continue
        closing = opened is not None and token.endswith(']')
        word = token[:-1] if closing else token
        if word:
            length += len(word) + bool(words)
            words.append(word)
        if closing:
            entity, category, start = opened
            if start >= length:
                entry.fail(f'the phrase of entity {entity} has no words', _REMEDY)
            phrases.append(PhraseRecord([[start, length]], [], category, f'{entity}/{len(phrases)}'))
            opened = None
    if opened:
        entry.fail(f'the phrase of entity {opened[0]} is not closed by "]"', _REMEDY)
    return ' '.join(words), phrases


def read_annotation(file: Path) -> tuple[tuple[int, int], dict[str, list[list[float]]]]:
    """``Annotations/<image>.xml`` -> (height, width) and the boxes (xyxy) of each entity that has any."""
    text = read_text(file)
    top = Entry(None, file)
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        Entry(None, file, line=error.position[0]).fail(f'not valid XML ({error})', 'Is the download complete?')
    height, width = (_number(top, root, f'size/{side}') for side in ('height', 'width'))
    if not math.isfinite(height + width):
        top.fail(f'height {height} and width {width} are no image size', 'Is the file complete?')
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    for item in root.iter('object'):
        names = [name.text for name in item.iter('name') if name.text]
        for box in item.iter('bndbox'):
            corners = [_number(top, box, side) for side in ('xmin', 'ymin', 'xmax', 'ymax')]
            for name in names:
                boxes[name].append(corners)
    return (int(height), int(width)), dict(boxes)


def _number(entry: Entry, element: ET.Element, path: str) -> float:
    text = element.findtext(path)
    try:
        return float(text)
    except (TypeError, ValueError):
        entry.fail(f'<{path}> in <{element.tag}> should be a number, got {text!r}', 'Is the file complete?')
