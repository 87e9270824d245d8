"""An index of encoded images on disk: summaries of all images for the search, and features of some.

An index is a folder: ``index.json`` (its model, and the name of its table), ``pictures-<n>.safetensors`` (the table,
see ``picture_table.py``) and ``features/<id>.safetensors`` (features for ITM, see ``picture_features.py``).
``index.json`` has the table's checksum and is written last, in one step, so an interruption does not damage the index.
Only one process at a time changes it. Any number of processes can read it meanwhile, each the version that it opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from slan_mm.apis.index_parts import (
    EMPTY,
    FORMAT,
    Found,
    PictureIndexError,
    changed_pictures,
    check_format,
    check_header,
)
from slan_mm.apis.picture_features import PictureFeatures
from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.apis.picture_table import IndexedPicture, PictureTable
from slan_mm.atomic_files import replaced_atomically
from slan_mm.feature_store import checksum
from slan_mm.folder_lock import FolderLock, FolderReader, admit_readers, lock_out_readers
from slan_mm.own_files import claim
from slan_mm.structures import ImageFeatures


class PictureIndex:
    """The index in ``folder``.

    Changes by :meth:`add` and :meth:`remove` take effect with :meth:`save`. From the first change to :meth:`save`, no
    other process can change the index; ``with index:`` locks it for several saves.

    Args:
        folder: of the index.
        header: the model and settings of a new index. An existing index must have the same; None accepts any existing
            index.

    Raises:
        PictureIndexError: there is no index and no ``header``, it is damaged, or it has another header.
    """

    def __init__(self, folder: str | Path, header: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self._lock: FolderLock | None = None
        self._kept = False
        self._reader = FolderReader(self.folder)
        self.features = PictureFeatures(self.folder / 'features')
        #: Whether all features are kept, and not only those used last.
        self.store_features = False
        self._next_id = self._version = 0
        self._table = PictureTable.of([], PictureSummary(torch.zeros(0, 0, dtype=torch.float16), {}, {}))
        self._content = self._read_content()
        if self._content is not None:
            self._take(self._content, header)
        elif header is None:
            raise PictureIndexError(f'{self.folder} is no index of pictures. Make one: python tools/index.py add')
        else:
            self.header = {'format': FORMAT, **header}

    def _read_content(self) -> bytes | None:
        path = self.folder / 'index.json'
        return path.read_bytes() if path.is_file() else None

    def _take(self, text: bytes, header: dict[str, Any] | None) -> None:
        try:
            content = dict(json.loads(text))
            check_format(self.folder, content['header'])
            if content.pop('checksum', None) != checksum(content):
                raise ValueError('index.json is not what was written')
            self.header = content['header']
            check_header(self.folder, self.header, header)
            self.store_features = content['store_features'] is True
            self._next_id, self._version = content['next_id'], content['version']
            if not all(type(number) is int and 0 <= number < 1 << 60 for number in (self._next_id, self._version)):
                raise ValueError('next_id and version must be numbers')
            self._table = PictureTable.read(self._table_path(), content['crc32'])
        except PictureIndexError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RuntimeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, what: object) -> PictureIndexError:
        return PictureIndexError(
            f'The index of pictures {self.folder} is damaged ({what}). Remove the folder and index the pictures again: '
            'python tools/index.py add'
        )

    def _table_path(self) -> Path:
        return self.folder / f'pictures-{self._version}.safetensors'

    @cached_property
    def pictures(self) -> dict[str, IndexedPicture]:
        """The images by path. Reads all, in about a second for 100,000."""
        return {picture.path: picture for picture in self._table}

    @cached_property
    def _blocks(self) -> list[PictureSummary]:
        """The summaries of the table, and those added since."""
        return [self._table.summary]

    @cached_property
    def _places(self) -> dict[int, tuple[int, int]]:
        """The block of each image and its row there, by id."""
        return {picture.id: (0, row) for row, picture in enumerate(self._table)}

    def __len__(self) -> int:
        return len(self.pictures)

    def changed(self, paths: Sequence[str]) -> list[str]:
        """Those of ``paths`` that are not in the index, or whose files were changed or removed."""
        return changed_pictures(self.pictures, paths)

    def _begin(self) -> None:
        if self._lock is not None:
            return
        if self._content is None:
            claim(self.folder, ['index.json', 'features'], 'an index')
        self._lock = FolderLock(self.folder)
        if self._read_content() != self._content:
            self._end()
            raise PictureIndexError(
                f'Another process has changed the index of pictures {self.folder} since it was opened. Open it again'
            )
        last = max(self._places, default=-1)
        if last >= self._next_id:
            self._end()
            raise self._damaged(f'next_id is {self._next_id}, but there is picture {last}')
        admit_readers(self.folder)

    def _end(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> PictureIndex:
        self._begin()
        self._kept = True
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._kept = False
        self._end()

    def add(
        self,
        paths: Sequence[str],
        shapes: Sequence[tuple[int, int]],
        states: Sequence[tuple[int, int]],
        features: ImageFeatures,
    ) -> None:
        """Adds images; existing ones are replaced.

        Args:
            paths: N absolute paths.
            shapes: their (height, width).
            states: :func:`file_state` of each, from before it was read.
            features: of N images; kept in half precision where ``store_features``.

        Raises:
            FeatureStoreError: features are not finite in half precision.
            FolderInUseError: another process is changing the index.
            PictureIndexError: another process has changed it since it was opened.
            FileExistsError: a new index would overwrite files that an index has not written.
        """
        summary = PictureSummary.checked(features)
        self.remove([path for path in paths if path in self.pictures])
        self._blocks.append(summary)
        for row, path in enumerate(paths):
            number = self._next_id
            if self.store_features:
                self.features.put(number, features[row : row + 1])
            self._places[number] = len(self._blocks) - 1, row
            self.pictures[path] = IndexedPicture(number, path, *shapes[row], *states[row])
            self._next_id += 1

    def remove(self, paths: Sequence[str]) -> None:
        """Removes images.

        Raises:
            KeyError: a path is not in the index.
            FolderInUseError, PictureIndexError: see :meth:`add`.
        """
        unknown = sorted(set(paths) - self.pictures.keys())
        if unknown:
            raise KeyError(f'not in the index {self.folder}: {", ".join(unknown)}')
        self._begin()
        for path in dict.fromkeys(paths):
            del self._places[self.pictures.pop(path).id]

    def save(self) -> None:
        """Saves the added and removed images in the index.

        Raises:
            FolderInUseError, PictureIndexError: see :meth:`add`.
        """
        self._begin()
        pictures = list(self.pictures.values())
        rows: list[list[int]] = [[] for _ in self._blocks]
        # Blocks come in the order in which pictures were added.
        for picture in pictures:
            block, row = self._places[picture.id]
            rows[block].append(row)
        parts = [block[torch.tensor(own)] for block, own in zip(self._blocks, rows, strict=True) if own]
        table = PictureTable.of(pictures, PictureSummary.cat(parts) if parts else self._table.summary[:0])
        self._version += 1
        crc32 = table.write(self._table_path())
        content = {'header': self.header, 'version': self._version, 'next_id': self._next_id, 'crc32': crc32}
        content['store_features'] = self.store_features
        content['checksum'] = checksum(content)
        with replaced_atomically(self.folder / 'index.json') as temporary:
            temporary.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        self._content, self._table = self._read_content(), PictureTable.read(self._table_path(), crc32)
        self._blocks = [self._table.summary]
        self._places = {picture.id: (0, row) for row, picture in enumerate(pictures)}
        self._sweep()
        if not self._kept:
            self._end()

    def compact(self) -> None:
        """Removes files of earlier versions, if nobody reads one.

        Raises:
            FolderInUseError, PictureIndexError: see :meth:`add`.
        """
        self.save()

    def _sweep(self) -> None:
        """Removes files of earlier versions, if no process reads one; otherwise, a later save does it."""
        self._reader.release()
        alone = lock_out_readers(self.folder)
        if alone is not None:
            with alone:
                kept = {self._table_path(), *map(self.features.path, self._places)}
                for path in (*self.folder.glob('pictures-*.safetensors'), *self.folder.glob('features/*.safetensors')):
                    if path not in kept and path.stem.removeprefix('pictures-').isdecimal():
                        path.unlink(missing_ok=True)
                # Of a process that was killed: nobody but this one writes here.
                for path in (*self.folder.glob('.pictures-*.writing'), *self.folder.glob('features/.*.writing')):
                    path.unlink(missing_ok=True)
        self._reader = FolderReader(self.folder)

    def saved(self, count: int) -> Iterator[Found]:
        """The saved images in the order of their ids, at most ``count`` at a time."""
        for start in range(0, len(self._table), count):
            rows = range(start, min(start + count, len(self._table)))
            yield Found(list(map(self._table.picture, rows)), self._table.summary[rows.start : rows.stop])

    def nearest(self, embeddings: Tensor, count: int) -> list[Found]:
        """For each of (Q, E) text embeddings, the ``count`` images with the highest inner product.

        Raises:
            PictureIndexError: the index is empty.
            ValueError: the embeddings do not fit the index's model.
        """
        if not len(self._table):
            raise PictureIndexError(EMPTY.format(folder=self.folder))
        return [
            Found([self._table.picture(row) for row in rows.tolist()], self._table.summary[rows])
            for rows in self._table.nearest(embeddings, count)
        ]
