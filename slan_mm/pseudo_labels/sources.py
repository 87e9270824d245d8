"""Which pictures are to be labelled, and which phrases name the things in them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slan_mm.datasets.marked_text import read_marked_text
from slan_mm.datasets.noun_phrases import find_noun_phrases, with_modifiers
from slan_mm.datasets.pictures import file_state, list_pictures
from slan_mm.datasets.readers import read_captions
from slan_mm.datasets.real_folders import RealFolders
from slan_mm.file_endings import PICTURES
from slan_mm.pseudo_labels.categories import Categories

#: Endings of tables, whose format need not be told.
_TABLES = ('.csv', '.tsv', '.jsonl')


@dataclass
class NamedPicture:
    """A picture and the things that its captions name.

    - ``file_name``: its path below the folder of the pictures.
    - ``captions``: its captions, without brackets.
    - ``things``: of each thing that is named the number of its caption, its span [start, end) in it, and its category.
    """

    path: str
    file_name: str
    captions: list[str]
    things: list[tuple[int, list[int], str]] = field(default_factory=list)


@dataclass
class Source:
    """Pictures, the folder that their names start from, and what was left out, by its reason."""

    root: Path
    pictures: list[NamedPicture]
    left_out: Counter[str] = field(default_factory=Counter)

    def signature(self) -> str:
        """A hash of what is asked of which pictures."""
        digest = hashlib.blake2b(digest_size=16)
        for one in self.pictures:
            digest.update(json.dumps([one.file_name, one.captions, one.things]).encode())
        return digest.hexdigest()

    def content(self) -> str:
        """A hash of the sizes of the files and of when they were changed, by which replaced pictures are known."""
        digest = hashlib.blake2b(digest_size=16)
        for one in self.pictures:
            digest.update(json.dumps(file_state(one.path)).encode())
        return digest.hexdigest()


def find_source(
    data: Path, images: Path | None = None, format: str | None = None, split: str | None = None, **options: Any
) -> Source:
    """The pictures of ``data`` with their captions, nothing marked yet.

    Args:
        data: A folder with ``captions.csv`` (and ``images``), a caption file, or a folder of pictures.
        images: The folder of a caption file's pictures; None: ``images`` beside it, or else its own folder.
        format: The caption file's, see docs/data.md; a table's need not be told.
        split: Which split of the caption file.
        options: Of the format's reader.

    Raises:
        FileNotFoundError: There is no ``data``.
        FileNotFoundError, AnnotationError: What :func:`read_captions` raises.
        ValueError: The format is not told, or there is no picture.
    """
    if not data.exists():
        raise FileNotFoundError(f'{data} does not exist: give a folder, or a caption file')
    file, folders = data / 'captions.csv' if data.is_dir() else data, RealFolders()
    if data.is_dir() and not file.is_file():
        root = images or data
        paths = [str(path) for path in list_pictures(root, PICTURES)]
        return Source(root, [NamedPicture(path, folders.below(path, root), []) for path in paths])
    root = images or (file.parent / 'images' if (file.parent / 'images').is_dir() else file.parent)
    if format is None and file.suffix.lower() not in _TABLES:
        raise ValueError(f'{file}: tell its format by --format, one of karpathy, coco_captions, json_list')
    records = read_captions(str(file), str(root), format or 'table', split=split, empty_captions='drop', **options)
    return Source(
        root, [NamedPicture(one.img_path, folders.below(one.img_path, root), one.captions) for one in records]
    )


def marked_phrases(caption: str, categories: Categories | None) -> tuple[str, list[list[int]]]:
    """A caption without brackets, and the spans of its phrases.

    Phrases are those in brackets; without any the noun phrases, and beside them the names of ``categories`` that stand
    in no phrase of a category, with their adjectives.

    Raises:
        ValueError: Brackets are wrong.
    """
    if '[' in caption or ']' in caption:
        marked = read_marked_text(caption)
        return marked.text, [runs[0] for runs in marked.spans]
    spans = find_noun_phrases(caption)
    if categories is not None:
        known = [span for span in spans if categories.of_phrase(caption[slice(*span)])]
        named = [one for one in categories.find(caption) if not any(a < one[1] and one[0] < b for a, b in known)]
        spans = sorted([*known, *with_modifiers(caption, named)] if named else known)
    return caption, spans


def all_phrases(pictures: Iterable[NamedPicture], wrong: list[str] | None = None) -> Iterator[str]:
    """The phrases of all captions, from which categories can be found; captions with wrong brackets have none.

    ``wrong`` gets what is wrong with these, with the picture's name.
    """
    for picture in pictures:
        for caption in picture.captions:
            try:
                text, spans = marked_phrases(caption, None)
            except ValueError as error:
                if wrong is not None:
                    wrong.append(f'{picture.file_name}: {error}')
                continue
            yield from (text[start:end] for start, end in spans)


def name_things(source: Source, categories: Categories) -> None:
    """Fills in the things that the captions name, in place; a picture that names none is left out and counted.

    A picture without captions is asked for every category: its captions are the names.
    """
    kept = []
    for picture in source.pictures:
        if picture.captions:
            reason = _mark(picture, categories)
        else:
            picture.captions = list(categories.names)
            picture.things = [(number, [0, len(name)], name) for number, name in enumerate(categories.names)]
            reason = None
        if reason is None:
            kept.append(picture)
        else:
            source.left_out[reason] += 1
    source.pictures = kept


def _mark(picture: NamedPicture, categories: Categories) -> str | None:
    """Marks a picture's captions; the reason why it is left out, or None."""
    captions: Sequence[str] = picture.captions
    picture.captions, wrong = [], 0
    for caption in captions:
        try:
            text, spans = marked_phrases(caption, categories)
        except ValueError:
            wrong += 1
            continue
        things = [(span, categories.of_phrase(text[slice(*span)])) for span in spans]
        named = [(len(picture.captions), span, name) for span, name in things if name is not None]
        if named:
            picture.captions.append(text)
            picture.things += named
    if picture.things:
        return None
    return 'brackets of its captions are wrong' if wrong else 'its captions name none of the categories'
