"""One part of a store on disk: half-precision memory maps, a header that says what made them, an index.

A part is a folder of ``NAME.bin`` files (raw arrays) and ``index.json``: ``header`` (see ``keys.py``), ``arrays``
(type and shape of each file) and whatever its reader needs. The index is written last, in one step, so that a
folder without one is unfinished. While it is filled, ``progress.json`` tells how far it got. Readers find damage by a
checksum of what belongs to one row (:func:`row_checksum`).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from slan_mm.atomic_files import replaced_atomically
from slan_mm.feature_store.keys import FeatureStoreError, hash_config
from slan_mm.text_files import TextFileError, read_json

FORMAT = 2
#: Types of arrays. Of others, Python's objects say, bytes of a file could be taken for addresses in memory.
_DTYPES = ('float16', 'float32', 'int32', 'int64', 'uint32')
_HOW = 'Make it with: python tools/cache_features.py CONFIG'


def write_json(path: Path, content: Any) -> None:
    """Writes a file in one step: after an interruption there is the old one or the new one, never half of it."""
    with replaced_atomically(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        json.dump(content, file)


def checksum(content: Any) -> int:
    """CRC-32 of a value that is written as JSON."""
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def refuse_other(folder: Path, header: dict, expected: dict, what: dict[str, str], how: str) -> None:
    """Refuses a store whose ``header`` differs from ``expected``.

    Args:
        folder: of the store.
        header: what the store was made with.
        expected: entries of the header as this run has them.
        what: for each entry, its name in words.
        how: what the user can do.

    Raises:
        FeatureStoreError: names what differs.
    """
    wrong = [what[name] for name, value in expected.items() if header.get(name) != value]
    if wrong:
        raise FeatureStoreError(
            f'The feature store {folder} was made with other {" and other ".join(wrong)} than this run has. {how}'
        )


def _is_ours(path: Path) -> bool:
    """Whether a run writes a file of this name into a part."""
    return path.is_file() and (
        path.suffix == '.bin' or path.name in ('index.json', 'progress.json') or path.name.endswith('.writing')
    )


def _num_bytes(dtype: str, shape: Sequence[int]) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize


def _open_array(folder: Path, name: Any, entry: Any, mode: Literal['r', 'r+']) -> np.memmap:
    """The memory map of an entry of ``arrays``.

    Raises:
        ValueError: the entry is none that a writer makes, or the file is missing or cut short.
    """
    right = isinstance(entry, list) and len(entry) == 2 and entry[0] in _DTYPES and isinstance(entry[1], list)
    if not right or not name.isidentifier() or not all(type(size) is int and size > 0 for size in entry[1]):
        raise ValueError(f'{name!r} is no array but {entry!r:.60}')
    path = folder / f'{name}.bin'
    if not path.is_file() or path.stat().st_size != _num_bytes(*entry):
        raise ValueError(f'{path.name} is missing or cut short')
    return np.memmap(path, dtype=entry[0], mode=mode, shape=tuple(entry[1]))


def row_checksum(*values: np.ndarray) -> int:
    """CRC-32 of all that a part keeps for one row."""
    crc32 = 0
    for value in values:
        crc32 = zlib.crc32(np.ascontiguousarray(value).tobytes(), crc32)
    return crc32


class PartWriter:
    """Fills one part row by row, from where an interrupted run left off if that run did the same.

    Args:
        folder: of the part; made if need be. What another run (other header or keys) left there is removed.
        header: what the content depends on.
        keys: of the rows, in their order.

    Attributes:
        done: rows that are there already.
        finished: the whole part is there already.
        notes: of the last :meth:`mark`.

    Raises:
        FeatureStoreError: The folder holds other files than those of a part.
    """

    def __init__(self, folder: str | Path, header: dict, keys: list[str]) -> None:
        self.folder = Path(folder)
        self.header = {'format': FORMAT, **header}
        self.task = hash_config([self.header, keys])
        self.notes: dict[str, Any] = {}
        self._arrays: dict[str, np.memmap] = {}
        self._marked = time.monotonic()
        self.finished = self._read('index.json').get('task') == self.task and self._is_whole()
        self.done = 0 if self.finished else self._resume()
        if not self.finished and self.done == 0 and self.folder.exists():
            self._remove()
        self.folder.mkdir(parents=True, exist_ok=True)

    def _remove(self) -> None:
        """Removes what another run has left.

        Raises:
            FeatureStoreError: The folder holds what no run of ours writes, a user's pictures perhaps.
        """
        others = [path.name for path in self.folder.iterdir() if not _is_ours(path)]
        if others:
            raise FeatureStoreError(
                f'{self.folder} is no part of a feature store: it holds {sorted(others)[:3]}. Nothing was removed. '
                'Give the store a folder of its own.'
            )
        shutil.rmtree(self.folder)

    def _resume(self) -> int:
        """Opens what an interrupted run of the same task left; returns its number of rows."""
        progress = self._read('progress.json')
        if progress.get('task') != self.task:
            return 0
        try:
            done = progress['done']
            notes = progress.get('notes', {})
            if type(done) is not int or done < 1 or not isinstance(notes, dict):
                raise ValueError(f'done is {done!r:.60}, with notes {notes!r:.60}')
            self._arrays = {
                name: _open_array(self.folder, name, entry, 'r+') for name, entry in progress['arrays'].items()
            }
        except (OSError, ValueError, KeyError, AttributeError):  # start again
            self._arrays = {}
            return 0
        self.notes = notes
        return done

    def _is_whole(self) -> bool:
        try:
            PartReader(self.folder)
        except FeatureStoreError:
            return False
        return True

    def _read(self, name: str) -> dict:
        try:
            content = read_json(self.folder / name)
        except (OSError, TextFileError):
            return {}
        return content if isinstance(content, dict) else {}

    def array(self, name: str, shape: tuple[int, ...], dtype: str = 'float16') -> np.memmap:
        """The memory map ``name`` of the whole part, zeros at first; keeps what an interrupted run wrote.

        Raises:
            FeatureStoreError: the disk has no room for it; or what was there has another shape.
        """
        if name in self._arrays:
            if (str(self._arrays[name].dtype), self._arrays[name].shape) != (dtype, tuple(shape)):
                raise FeatureStoreError(
                    f'{self.folder} is damaged: {name} has another shape. Remove that folder. {_HOW}'
                )
            return self._arrays[name]
        path = self.folder / f'{name}.bin'
        size = _num_bytes(dtype, shape)
        free = shutil.disk_usage(self.folder).free
        if size > free:
            raise FeatureStoreError(
                f'{path} needs {size / 2**30:.1f} GiB, but only {free / 2**30:.1f} GiB are free there. Give the store '
                'another path or cache fewer levels.'
            )
        with open(path, 'wb') as file:
            # Room that is taken now cannot be missing later, when the process would be killed for it.
            os.posix_fallocate(file.fileno(), 0, size)
        self._arrays[name] = np.memmap(path, dtype=dtype, mode='r+', shape=shape)
        return self._arrays[name]

    def mark(self, done: int, every: float = 0.0, **notes: Any) -> None:
        """Makes the first ``done`` rows safe on disk, unless the last time is less than ``every`` seconds ago.

        Args:
            done: rows.
            every: seconds.
            notes: values that are kept beside.
        """
        now = time.monotonic()
        if now - self._marked < every:
            return
        self._marked = now
        for array in self._arrays.values():
            array.flush()
        self.done = done
        progress = {'task': self.task, 'done': done, 'arrays': self._shapes(), 'notes': notes}
        write_json(self.folder / 'progress.json', progress)

    def _shapes(self) -> dict[str, list]:
        return {name: [str(array.dtype), list(array.shape)] for name, array in self._arrays.items()}

    def finish(self, **content: Any) -> None:
        """Writes the index, which makes the part usable."""
        for array in self._arrays.values():
            array.flush()
        index = {'header': self.header, 'task': self.task, 'arrays': self._shapes(), **content}
        write_json(self.folder / 'index.json', {**index, 'checksum': checksum(index)})
        (self.folder / 'progress.json').unlink(missing_ok=True)
        self.finished = True


class PartReader:
    """Reads a finished part; its memory maps are opened in the process that uses them.

    Raises:
        FeatureStoreError: there is none, it is unfinished, damaged, of another format, or a file of it is cut short.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / 'index.json'
        if not path.exists():
            state = 'is unfinished' if (self.folder / 'progress.json').exists() else 'does not exist'
            raise FeatureStoreError(f'The feature store {self.folder} {state}. {_HOW}')
        self._arrays: dict[str, np.memmap] = {}
        try:
            self.index = read_json(path)
            self.header = self.index['header']
            found = self.header.get('format')
            if found == FORMAT:
                told = self.index.pop('checksum', None)
                if told != checksum(self.index):
                    raise ValueError('index.json is not what was written')
                self._check_content()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.damaged(error) from error
        self._arrays = {}
        if found != FORMAT:
            raise FeatureStoreError(
                f'The feature store {self.folder} has format {found!r:.20}, this version reads {FORMAT}. {_HOW}'
            )

    def _check_content(self) -> None:
        """Looks at what the index says; a reader looks for what it needs.

        Raises:
            ValueError: something is wrong.
        """
        for name in self.index['arrays']:
            self.array(name)

    def need(self, name: str, dtype: str, shape: Sequence[int | None]) -> None:
        """Looks for an array of this type and shape; None stands for any length.

        Raises:
            ValueError: it is another one.
        """
        array = self.array(name)
        if str(array.dtype) != dtype or array.ndim != len(shape):
            raise ValueError(f'{name} is {array.dtype} of {array.ndim} axes')
        if any(size is not None and size != found for size, found in zip(shape, array.shape, strict=True)):
            raise ValueError(f'{name} is {array.shape}, not {tuple(shape)}')

    def count_keys(self, name: str) -> int:
        """The number of entries of the index's list ``name``.

        Raises:
            ValueError: it is no list of different texts.
        """
        keys = self.index[name]
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
            raise ValueError(f'{name} is no list of different texts')
        return len(keys)

    def damaged(self, what: object) -> FeatureStoreError:
        """The error that says that ``what`` is wrong with the store."""
        return FeatureStoreError(f'The feature store {self.folder} is damaged: {what}. Remove that folder. {_HOW}')

    def __getstate__(self) -> dict:
        # A pickled memory map would be the whole array.
        return {**self.__dict__, '_arrays': {}}

    def array(self, name: str) -> np.memmap:
        """The read-only memory map ``name``."""
        if name not in self._arrays:
            self._arrays[name] = _open_array(self.folder, name, self.index['arrays'][name], 'r')
        return self._arrays[name]

    def check(self, expected: dict, what: dict[str, str]) -> None:
        """Refuses the store where its header differs from ``expected``.

        Args:
            expected: entries of the header.
            what: for each entry, its name in words.

        Raises:
            FeatureStoreError: names what differs.
        """
        refuse_other(self.folder, self.header, expected, what, f'Give the run those, or another store path. {_HOW}')
