"""Pictures that were encoded once, on disk: a FAISS index of their ITC embeddings, and their features.

An index is a folder: ``index.json`` (what made it, and of each picture its id, path, size and date of change),
``embeddings-<n>.faiss`` and ``features/<id>.safetensors``. ``index.json`` names the FAISS file and its hash and is
written last, in one step, so that an interruption leaves the index as it was. One process at a time may change it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from torch import Tensor

from slan_mm.atomic_files import replaced_atomically
from slan_mm.feature_store import FeatureStoreError, StoredRecord, refuse_other, save_record
from slan_mm.structures import Batched

FORMAT = 1
#: The entries of the header that an index is refused by, in words.
WHAT = {
    'format': 'version of slan_mm',
    'weights': 'weights of the model',
    'model': 'config of the model',
    'picture_size': 'size of the pictures',
}
_HOW = 'Give the config and the checkpoint it was made with, or make another index: python tools/index.py add'


class PictureIndexError(RuntimeError):
    """An index that is missing, damaged, or was made with another model."""


@dataclass
class IndexedPicture:
    """A picture of an index.

    - ``id``: its number in the FAISS index, never used again.
    - ``path``: absolute path of its file.
    - ``height``, ``width``: in pixels.
    - ``bytes``, ``modified_ns``: of the file, when it was encoded.
    """

    id: int
    path: str
    height: int
    width: int
    bytes: int
    modified_ns: int


def file_state(path: str | Path) -> tuple[int, int]:
    """Size and time of change of a file, by which a changed one is known.

    Raises:
        OSError: there is no such file.
    """
    stat = Path(path).stat()
    return stat.st_size, stat.st_mtime_ns


class PictureIndex:
    """The index in ``folder``.

    Nothing that :meth:`add` and :meth:`remove` do is in the index before :meth:`save`.

    Args:
        folder: of the index.
        header: what a new index is made with; of one that is there, what it must have been made with. None takes any
            that is there.

    Attributes:
        pictures: :class:`IndexedPicture` by path.

    Raises:
        PictureIndexError: there is no index and no ``header``, it is damaged, or was made with something else.
    """

    def __init__(self, folder: str | Path, header: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.pictures: dict[str, IndexedPicture] = {}
        self._next_id = self._version = 0
        self._vectors: Any = None  # made when the first picture tells the width
        self._removed: list[int] = []
        if (self.folder / 'index.json').exists():
            self._read(header)
        elif header is None:
            raise PictureIndexError(f'{self.folder} is no index of pictures. Make one: python tools/index.py add')
        else:
            self.header = {'format': FORMAT, **header}
        self._ids = {picture.id: picture for picture in self.pictures.values()}

    def _read(self, header: dict[str, Any] | None) -> None:
        path = self.folder / 'index.json'
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            self.header = content['header']
            refuse_other(self.folder, self.header, {'format': FORMAT, **(header or {})}, WHAT, _HOW)
            pictures = [IndexedPicture(**picture) for picture in content['pictures']]
            self._next_id, self._version = content['next_id'], content['version']
            if content['sha256'] is not None:
                self._vectors = self._read_vectors(content['sha256'])
        except FeatureStoreError as error:
            raise PictureIndexError(str(error).replace('feature store', 'index of pictures')) from error
        except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
            raise PictureIndexError(
                f'The index of pictures {self.folder} is damaged ({error}). Remove the folder and index the pictures '
                'again: python tools/index.py add'
            ) from error
        self.pictures = {picture.path: picture for picture in pictures}

    def _read_vectors(self, sha256: str) -> Any:
        path = self._vectors_path()
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise ValueError(f'{path.name} is not the file that was written')
        return faiss.read_index(str(path))

    def _vectors_path(self) -> Path:
        return self.folder / f'embeddings-{self._version}.faiss'

    def _features_path(self, number: int) -> Path:
        return self.folder / 'features' / f'{number:08d}.safetensors'

    def __len__(self) -> int:
        return len(self.pictures)

    def changed(self, paths: Sequence[str]) -> list[str]:
        """Those of ``paths`` that are not in the index, or whose files have changed or gone since."""

        def is_new(path: str) -> bool:
            picture = self.pictures.get(path)
            try:
                return picture is None or file_state(path) != (picture.bytes, picture.modified_ns)
            except OSError:
                return True

        return [path for path in paths if is_new(path)]

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
        """
        self.remove([path for path in paths if path in self.pictures])
        (self.folder / 'features').mkdir(parents=True, exist_ok=True)
        if self._vectors is None:
            self._vectors = faiss.IndexIDMap2(faiss.IndexFlatIP(embeddings.shape[1]))
        numbers = np.arange(self._next_id, self._next_id + len(paths))
        for row, (number, path) in enumerate(zip(numbers.tolist(), paths, strict=True)):
            save_record(self._features_path(number), features[row : row + 1], torch.float16)
            picture = IndexedPicture(number, path, *shapes[row], *states[row])
            self.pictures[path] = self._ids[number] = picture
        self._vectors.add_with_ids(embeddings.float().cpu().numpy(), numbers)
        self._next_id += len(paths)

    def remove(self, paths: Sequence[str]) -> None:
        """Takes pictures out.

        Raises:
            KeyError: a path is not in the index.
        """
        unknown = sorted(set(paths) - self.pictures.keys())
        if unknown:
            raise KeyError(f'not in the index {self.folder}: {", ".join(unknown)}')
        numbers = [self.pictures.pop(path).id for path in dict.fromkeys(paths)]
        for number in numbers:
            del self._ids[number]
        self._removed += numbers
        if numbers:
            self._vectors.remove_ids(np.array(numbers))

    def save(self) -> None:
        """Makes what was added and removed the index."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self._vectors_path()
        self._version += 1
        sha256 = None
        if self._vectors is not None:
            with replaced_atomically(self._vectors_path()) as temporary:
                faiss.write_index(self._vectors, str(temporary))
            sha256 = hashlib.sha256(self._vectors_path().read_bytes()).hexdigest()
        content = {
            'header': self.header,
            'version': self._version,
            'sha256': sha256,
            'next_id': self._next_id,
            'pictures': [asdict(picture) for picture in self.pictures.values()],
        }
        with replaced_atomically(self.folder / 'index.json') as temporary:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
        # No index refers to these any more.
        before.unlink(missing_ok=True)
        for number in self._removed:
            self._features_path(number).unlink(missing_ok=True)
        self._removed = []

    def nearest(self, embeddings: Tensor, count: int) -> list[list[IndexedPicture]]:
        """For each of (Q, E) embeddings of texts, the ``count`` pictures of the highest inner product, best first."""
        if not self.pictures:
            raise PictureIndexError(
                f'The index of pictures {self.folder} is empty or does not exist. Add some: python tools/index.py add'
            )
        _, numbers = self._vectors.search(embeddings.float().cpu().numpy(), min(count, len(self)))
        return [[self._ids[number] for number in row] for row in numbers.tolist()]

    def features(self, pictures: Sequence[IndexedPicture], dtype: torch.dtype = torch.float32) -> Batched:
        """The features of ``pictures``, in their order, on the CPU.

        Raises:
            PictureIndexError: the index lacks a file.
        """
        first = torch.zeros(1, dtype=torch.long)
        try:
            records = [StoredRecord(self._features_path(picture.id))[first] for picture in pictures]
        except FeatureStoreError as error:
            raise PictureIndexError(
                f'The index of pictures {self.folder} is damaged: {error} Remove the folder and index again.'
            ) from error
        return type(records[0]).cat(records).to(dtype=dtype)
