"""Annotation files, read with errors that name the file, the line and what to do."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from slan_mm.plain_text import is_blank, is_whole, short
from slan_mm.text_files import TextFileError, parse_json, read_utf8

_SPACE = re.compile(r'\s*')


class AnnotationError(ValueError):
    """An annotation file is not what its reader expects. The message names file, line and remedy."""


class Entry:
    """One record of an annotation file, and where it stands.

    Args:
        data: The parsed record.
        file: The annotation file.
        place: The record's place in words, e.g. ``images[17]``; may be empty.
        line: Line number from 1, or a function that finds it (called only for an error), or None.
    """

    __slots__ = ('data', 'file', 'line', 'place')

    def __init__(
        self, data: Any, file: Path | str, place: str = '', line: int | Callable[[], int | None] | None = None
    ):
        self.data = data
        self.file = file
        self.place = place
        self.line = line

    def fail(self, what: str, remedy: str) -> NoReturn:
        """Raises ``AnnotationError``: file, line, place, ``what`` is wrong, and the ``remedy``."""
        line = self.line() if callable(self.line) else self.line
        parts = [str(self.file), *([f'line {line}'] if line else []), *([self.place] if self.place else [])]
        raise AnnotationError(f'{", ".join(parts)}: {what}. {remedy}')

    def take(self, name: str, kinds: type | tuple[type, ...], remedy: str, whole: bool = True) -> Any:
        """The field ``name``, checked to be there and to be of one of ``kinds``.

        A text must be whole, see :func:`~slan_mm.plain_text.is_whole`, unless ``whole`` is off.
        """
        if not isinstance(self.data, dict):
            self.fail(f'expected an object with fields, got {type(self.data).__name__}', remedy)
        if name not in self.data:
            self.fail(f'no field {name!r} (fields here: {short(sorted(map(str, self.data)))})', remedy)
        value = self.data[name]
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            expected = ' or '.join(kind.__name__ for kind in kinds)
            self.fail(f'field {name!r} should be {expected}, got {type(value).__name__} ({short(value)})', remedy)
        if whole and isinstance(value, str) and not is_whole(value):
            self.fail(
                f'field {name!r} has half of a character ({short(value)})', 'Repair the text, or remove the entry.'
            )
        return value

    def take_id(self, name: str, remedy: str) -> str:
        """The id in the field ``name``, a whole number or a text that is not empty, as text: 1 and '1' are one id."""
        value = str(self.take(name, (int, str), remedy)).strip()
        if is_blank(value):
            self.fail(f'field {name!r} is empty', 'Give every entry an id.')
        return value

    def take_path(self, name: str, remedy: str, strip_prefix: str = '') -> str:
        """The path of a file in the field ``name``, without ``strip_prefix`` where it begins so."""
        path = self.take(name, str, remedy).strip().removeprefix(strip_prefix)
        if os.path.basename(path) in ('', '.', '..') or '\0' in path:
            self.fail(f'field {name!r} names no file ({short(path)})', 'Name one, or remove the entry.')
        return path

    def child(self, name: str, index: int, data: Any) -> 'Entry':
        """The record ``data`` that stands in this one as ``name[index]``."""
        return Entry(data, self.file, f'{self.place}.{name}[{index}]', self.line)


def read_text(file: Path) -> str:
    """The text of a UTF-8 file, with or without byte order mark.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationError: It is not UTF-8.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f'The annotation file {str(file)!r} does not exist. In a config, check data_root and ann_file.'
        )
    try:
        return read_utf8(file)
    except TextFileError as error:
        Entry(None, file, line=error.line).fail(error.what, 'Save the file in the encoding UTF-8.')


def load_json(file: Path, nan: bool = False) -> Any:
    """The parsed JSON of ``file``; its errors name file and line. For ``nan`` see ``parse_json``."""
    return _parsed(read_text(file), file, 1, 'Is the download complete?', nan)


def _parsed(text: str, file: Path, first_line: int, remedy: str, nan: bool) -> Any:
    try:
        return parse_json(text, file, first_line, nan)
    except TextFileError as error:
        Entry(None, file, line=error.line).fail(error.what, remedy)


def json_entries(file: Path, data: Any, key: str | None, remedy: str) -> Iterator[Entry]:
    """The records of the JSON list ``data[key]`` (of ``data`` itself where ``key`` is None)."""
    top = Entry(data, file, line=1)
    if key is not None:
        data = top.take(key, list, remedy)
    elif not isinstance(data, list):
        top.fail(f'expected a list of records, got {type(data).__name__}', remedy)
    for index, record in enumerate(data):
        place = f'entry {index}' if key is None else f'{key}[{index}]'
        yield Entry(record, file, place, lambda index=index: _line(file, key, index))


def json_line_entries(file: Path, remedy: str, nan: bool = False) -> Iterator[Entry]:
    """The records of a file with one JSON value a line; empty lines are passed over. For ``nan`` see ``parse_json``."""
    # Not str.splitlines: it also splits at characters that JSON allows inside a text.
    for number, line in enumerate(io.StringIO(read_text(file)), start=1):
        if not line.strip():
            continue
        yield Entry(_parsed(line.rstrip(), file, number, remedy, nan), file, line=number)


def _line(file: Path, key: str | None, index: int) -> int | None:
    """The line where element ``index`` of the list under ``key`` begins; the file is parsed again to find it."""
    text = read_text(file)
    decode = json.JSONDecoder().raw_decode
    position = _skip(text, 0)
    try:
        if key is not None:
            position = _skip(text, position + 1)
            while True:
                name, position = decode(text, position)
                position = _skip(text, _skip(text, position) + 1)
                if name == key:
                    break
                _, position = decode(text, position)
                position = _skip(text, _skip(text, position) + 1)
        position = _skip(text, position + 1)
        for _ in range(index):
            _, position = decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
    except (json.JSONDecodeError, IndexError):
        return None
    return text.count('\n', 0, position) + 1


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
