"""Pictures that were encoded once, on disk: their ITC embeddings, which a search compares, and their features.

An index is a folder: ``index.json`` (what made it, and which table is its), ``pictures-<n>.safetensors`` (the table,
see ``picture_table.py``) and ``features/<id>.safetensors``. ``index.json`` has the table's checksum and is written
last, in one step, so that an interruption leaves the index as it was. One process at a time changes it; any number
read it meanwhile, each the version that it has opened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from slan_mm.apis.picture_table import IndexedPicture, PictureTable
from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.pictures import file_state
from slan_mm.feature_store import FeatureStoreError, StoredRecord, checksum, refuse_other, save_record
from slan_mm.folder_lock import FolderLock, FolderReader, admit_readers, lock_out_readers
from slan_mm.own_files import claim
from slan_mm.structures import Batched, ImageFeatures

FORMAT = 2
#: The entries of the header that an index is refused by, in words.
WHAT = {
    'format': 'version of slan_mm',
    'weights': 'weights of the model',
    'model': 'config of the model',
    'picture_size': 'size of the pictures',
}
_HOW = 'Give the config and the checkpoint it was made with, or make another index: python tools/index.py add'


class PictureIndexError(RuntimeError):
    """An index that is missing, damaged, of another model, or that another process has changed meanwhile."""


class PictureIndex:
    """The index in ``folder``.

    Nothing that :meth:`add` and :meth:`remove` do is in the index before :meth:`save`. From the first of them to
    :meth:`save` no other process can change the index; ``with index:`` keeps it for several savings.

    Args:
        folder: of the index.
        header: what a new index is made with; of one that is there, what it must have been made with. None takes any
            that is there.

    Raises:
        PictureIndexError: there is no index and no ``header``, it is damaged, or was made with something else.
    """

    def __init__(self, folder: str | Path, header: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self._lock: FolderLock | None = None
        self._kept = False
        self._reader = FolderReader(self.folder)
        self._next_id = self._version = 0
        self._table = PictureTable.of([], torch.zeros(0, 0))
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
            is_ours = content['header'].get('format') == FORMAT
            if content.pop('checksum', None) != checksum(content) and is_ours:
                raise ValueError('index.json is not what was written')
            self.header = content['header']
            refuse_other(self.folder, self.header, {'format': FORMAT, **(header or {})}, WHAT, _HOW)
            self._next_id, self._version = content['next_id'], content['version']
            if not all(type(number) is int and 0 <= number < 1 << 60 for number in (self._next_id, self._version)):
                raise ValueError('next_id and version must be numbers')
            self._table = PictureTable.read(self._table_path(), content['crc32'])
        except FeatureStoreError as error:
            raise PictureIndexError(str(error).replace('feature store', 'index of pictures')) from error
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RuntimeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, what: object) -> PictureIndexError:
        return PictureIndexError(
            f'The index of pictures {self.folder} is damaged ({what}). Remove the folder and index the pictures again: '
            'python tools/index.py add'
        )

    def _table_path(self) -> Path:
        return self.folder / f'pictures-{self._version}.safetensors'

    def _features_path(self, number: int) -> Path:
        return self.folder / 'features' / f'{number:08d}.safetensors'

    @cached_property
    def pictures(self) -> dict[str, IndexedPicture]:
        """The pictures by path. All are read, which takes a second for 100,000."""
        return {picture.path: picture for picture in self._table}

    @cached_property
    def _embeddings(self) -> dict[int, Tensor]:
        """The (E,) embedding of each picture, by id."""
        return {picture.id: row for picture, row in zip(self._table, self._table.embeddings, strict=True)}

    def __len__(self) -> int:
        return len(self.pictures)

    def changed(self, paths: Sequence[str]) -> list[str]:
        """Those of ``paths`` that are not in the index, or whose files have changed or gone since."""

        def is_new(path: str) -> bool:
            picture = self.pictures.get(path)
            return picture is None or file_state(path) != (picture.bytes, picture.modified_ns)

        return [path for path in paths if is_new(path)]

    def _begin(self) -> None:
        if self._lock is not None:
            return
        if self._content is None:
            claim(self.folder, ['index.json', 'features'])
        self._lock = FolderLock(self.folder)
        if self._read_content() != self._content:
            self._end()
            raise PictureIndexError(
                f'Another process has changed the index of pictures {self.folder} since it was opened. Open it again'
            )
        last = max(self._embeddings, default=-1)
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
        features: Batched,
        embeddings: Tensor,
    ) -> None:
        """Adds pictures; one that is there is replaced.

        Args:
            paths: N absolute paths.
            shapes: their (height, width).
            states: :func:`file_state` of each, from before it was read.
            features: of N pictures; kept in half precision.
            embeddings: (N, E) unit vectors, what ITC compares.

        Raises:
            FeatureStoreError: features are not finite in half precision.
            FolderInUseError: another process is changing the index.
            PictureIndexError: another process has changed it since it was opened.
            FileExistsError: a new index would overwrite what nothing of ours has written.
        """
        self.remove([path for path in paths if path in self.pictures])
        (self.folder / 'features').mkdir(parents=True, exist_ok=True)
        for row, (path, embedding) in enumerate(zip(paths, embeddings.float().cpu(), strict=True)):
            number = self._next_id
            save_record(self._features_path(number), features[row : row + 1], torch.float16)
            self._embeddings[number] = embedding
            self.pictures[path] = IndexedPicture(number, path, *shapes[row], *states[row])
            self._next_id += 1

    def remove(self, paths: Sequence[str]) -> None:
        """Takes pictures out.

        Raises:
            KeyError: a path is not in the index.
            FolderInUseError, PictureIndexError: see :meth:`add`.
        """
        unknown = sorted(set(paths) - self.pictures.keys())
        if unknown:
            raise KeyError(f'not in the index {self.folder}: {", ".join(unknown)}')
        self._begin()
        for path in dict.fromkeys(paths):
            del self._embeddings[self.pictures.pop(path).id]

    def save(self) -> None:
        """Makes what was added and removed the index.

        Raises:
            FolderInUseError, PictureIndexError: see :meth:`add`.
        """
        self._begin()
        pictures = list(self.pictures.values())
        rows = [self._embeddings[picture.id] for picture in pictures]
        table = PictureTable.of(pictures, torch.stack(rows) if rows else torch.zeros(0, 0))
        self._version += 1
        crc32 = table.write(self._table_path())
        content = {'header': self.header, 'version': self._version, 'next_id': self._next_id, 'crc32': crc32}
        content['checksum'] = checksum(content)
        with replaced_atomically(self.folder / 'index.json') as temporary:
            temporary.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        self._content, self._table = self._read_content(), PictureTable.read(self._table_path(), crc32)
        self._sweep()
        if not self._kept:
            self._end()

    def _sweep(self) -> None:
        """Removes files of earlier versions, if nobody reads one; else a later saving does."""
        self._reader.release()
        alone = lock_out_readers(self.folder)
        if alone is not None:
            with alone:
                kept = {self._table_path(), *map(self._features_path, self._embeddings)}
                for path in (*self.folder.glob('pictures-*.safetensors'), *self.folder.glob('features/*.safetensors')):
                    if path not in kept and path.stem.removeprefix('pictures-').isdecimal():
                        path.unlink(missing_ok=True)
                # Of a process that was killed: nobody but this one writes here.
                for path in (*self.folder.glob('.pictures-*.writing'), *self.folder.glob('features/.*.writing')):
                    path.unlink(missing_ok=True)
        self._reader = FolderReader(self.folder)

    def nearest(self, embeddings: Tensor, count: int) -> list[list[IndexedPicture]]:
        """For each of (Q, E) embeddings of texts, the ``count`` pictures of the highest inner product, best first.

        Raises:
            PictureIndexError: the index is empty.
            ValueError: the embeddings are not those of the index's model.
        """
        if not len(self._table):
            raise PictureIndexError(
                f'The index of pictures {self.folder} is empty or does not exist. Add some: python tools/index.py add'
            )
        return self._table.nearest(embeddings, count)

    def features(self, pictures: Sequence[IndexedPicture], dtype: torch.dtype = torch.float32) -> Batched:
        """The features of ``pictures``, in their order, on the CPU.

        Raises:
            PictureIndexError: a file of the index is missing or damaged.
        """
        return ImageFeatures.cat([self._features_of(picture) for picture in pictures]).to(dtype=dtype)

    def _features_of(self, picture: IndexedPicture) -> ImageFeatures:
        try:
            features = StoredRecord(self._features_path(picture.id))[torch.zeros(1, dtype=torch.long)]
            if not isinstance(features, ImageFeatures):
                raise FeatureStoreError(f'{self._features_path(picture.id)} holds no features of a picture.')
        except FeatureStoreError as error:
            raise PictureIndexError(
                f'The index of pictures is damaged: {error} Take the picture out and add it again: '
                f'python tools/index.py remove {self.folder} {picture.path}'
            ) from error
        return features
