"""Answers on the disk, as they come: json lines of several processes, which an interrupted run continues."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from slan_mm.atomic_files import replaced_atomically
from slan_mm.text_files import read_json

#: How a line begins; its checksum is that of the text of its value.
_LINE = re.compile(rb'\{"block": (\d{1,15}), (?:"crc32": (\d{1,10}), )?"value": ')
#: The folder of the fragments in the output, and in it the note that says what they answer.
FOLDER, ASKED = 'answers', 'asked.json'


class FragmentWriter:
    """Appends (block number, value) to this process's fragment; a line is on the disk when :meth:`write` returns."""

    def __init__(self, folder: Path, rank: int) -> None:
        file = folder / f'part-{rank:05d}.jsonl'
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        os.ftruncate(self._file, whole_lines(file))
        os.lseek(self._file, 0, os.SEEK_END)

    def write(self, block: int, value: Any) -> None:
        """Appends a line."""
        text = json.dumps(value, ensure_ascii=True, allow_nan=False)
        left = f'{{"block": {block}, "crc32": {zlib.crc32(text.encode())}, "value": {text}}}\n'.encode()
        while left:
            left = left[os.write(self._file, left) :]

    def __enter__(self) -> FragmentWriter:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._file)


def whole_lines(file: Path) -> int:
    """How many bytes of ``file`` are whole lines: a killed process leaves half of its last one."""
    end = 0
    with open(file, 'rb') as handle:
        for line in handle:
            end += len(line) if line.endswith(b'\n') else 0
    return end


_DAMAGED = 'Remove this file: its pictures are then asked again'


def index_blocks(folder: Path) -> dict[int, tuple[Path, int]]:
    """Where each block stands: file and byte. Of a block that stands twice, the first.

    Raises:
        ValueError: A fragment is damaged: a line is not what was written.
    """
    places: dict[int, tuple[Path, int]] = {}
    for file in sorted(folder.glob('part-*.jsonl')):
        position = 0
        with open(file, 'rb') as handle:
            for number, line in enumerate(handle, 1):
                if line.endswith(b'\n'):
                    start = _LINE.match(line)
                    # Earlier versions wrote no checksums.
                    known = start[2] if start else b''
                    if start is None or (known is not None and zlib.crc32(line[start.end() : -2]) != int(known)):
                        raise ValueError(f'{file}, line {number}: not what was written. {_DAMAGED}')
                    places.setdefault(int(start[1]), (file, position))
                position += len(line)
    return places


def read_blocks(folder: Path) -> Iterator[Any]:
    """The values of all blocks in the order of their numbers, one at a time.

    Raises:
        ValueError: See :func:`index_blocks`.
    """
    places = index_blocks(folder)
    handles: dict[Path, BinaryIO] = {}
    try:
        for block in sorted(places):
            file, position = places[block]
            handle = handles.get(file) or handles.setdefault(file, open(file, 'rb'))  # noqa: SIM115
            handle.seek(position)
            try:
                yield json.loads(handle.readline())['value']
            except ValueError:
                raise ValueError(f'{file}, block {block}: not what was written. {_DAMAGED}') from None
    finally:
        for handle in handles.values():
            handle.close()


def check_asked(folder: Path, asked: dict) -> None:
    """Notes in ``folder`` what its answers are answers to, or checks that they are.

    Raises:
        ValueError: There are answers to something else.
    """
    file = folder / ASKED
    if file.is_file():
        known = read_json(file)
        if not isinstance(known, dict):
            raise ValueError(f'{file} is damaged: it should have names and values. Remove {folder}')
        if other := [name for name in {**known, **asked} if name not in known or asked.get(name) != known[name]]:
            raise ValueError(
                f'{folder} holds answers of a run with another {", ".join(other)}. Choose another --out, or remove '
                f'{folder}'
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(file) as temporary:
        temporary.write_text(json.dumps(asked, indent=1), encoding='utf-8')
