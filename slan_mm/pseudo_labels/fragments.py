"""Answers on the disk, as they come: json lines of several processes, which an interrupted run continues."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from slan_mm.atomic_files import replaced_atomically
from slan_mm.text_files import read_json

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
        line = json.dumps(dict(block=block, value=value), ensure_ascii=True, allow_nan=False) + '\n'
        left = line.encode()
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


def index_blocks(folder: Path) -> dict[int, tuple[Path, int]]:
    """Where each block stands: file and byte. Of a block that stands twice, the first."""
    places: dict[int, tuple[Path, int]] = {}
    for file in sorted(folder.glob('part-*.jsonl')):
        position = 0
        with open(file, 'rb') as handle:
            for line in handle:
                if line.endswith(b'\n'):
                    # A line begins with its number: '{"block": 17, ...'.
                    places.setdefault(int(line[10 : line.index(b',')]), (file, position))
                position += len(line)
    return places


def read_blocks(folder: Path) -> Iterator[Any]:
    """The values of all blocks in the order of their numbers, one at a time."""
    places = index_blocks(folder)
    handles: dict[Path, BinaryIO] = {}
    try:
        for block in sorted(places):
            file, position = places[block]
            handle = handles.get(file) or handles.setdefault(file, open(file, 'rb'))  # noqa: SIM115
            handle.seek(position)
            yield json.loads(handle.readline())['value']
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
        other = [name for name, value in read_json(file).items() if asked.get(name) != value]
        if other:
            raise ValueError(
                f'{folder} holds answers of a run with another {", ".join(other)}. Choose another --out, or remove '
                f'{folder}'
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(file) as temporary:
        temporary.write_text(json.dumps(asked, indent=1), encoding='utf-8')
