"""The pictures of an index and their ITC embeddings: one safetensors file, of which a search reads what it needs.

Tensors, a row a picture: ``embedding`` (N, E) float32, ``id`` (N,), ``size`` (N, 2) height and width, ``file`` (N, 2)
bytes and time of change; ``path`` (bytes of all paths, one after the other) and ``path_end`` (N,) where each ends.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from slan_mm.feature_store import write_tensors

_WIDTHS = {'embedding': None, 'id': 0, 'size': 2, 'file': 2, 'path_end': 0}


@dataclass
class IndexedPicture:
    """A picture of an index.

    - ``id``: its number, never used again.
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


def file_checksum(path: Path) -> int:
    """CRC-32 of a file's content."""
    with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return zlib.crc32(content)


class PictureTable:
    """N pictures in the order of their rows.

    Attributes:
        embeddings: (N, E) unit vectors, float32.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors
        self.embeddings = tensors['embedding']

    @classmethod
    def of(cls, pictures: Sequence[IndexedPicture], embeddings: Tensor) -> PictureTable:
        """The table of ``pictures`` and their ``embeddings`` (N, E)."""
        paths = [os.fsencode(picture.path) for picture in pictures]
        numbers = torch.tensor(
            [(p.id, p.height, p.width, p.bytes, p.modified_ns) for p in pictures], dtype=torch.long
        ).reshape(-1, 5)
        return cls(
            dict(
                embedding=embeddings.float().contiguous(),
                id=numbers[:, 0].clone(),
                size=numbers[:, 1:3].clone(),
                file=numbers[:, 3:].clone(),
                path=torch.frombuffer(bytearray(b''.join(paths)) or bytearray(1), dtype=torch.uint8),
                path_end=torch.tensor([len(path) for path in paths], dtype=torch.long).cumsum(0),
            )
        )

    @classmethod
    def read(cls, path: Path, crc32: int) -> PictureTable:
        """The table in a file, which stays there: rows are read when they are asked for.

        Raises:
            ValueError: the file is not the one that was written, or no table.
            OSError: there is none.
        """
        if file_checksum(path) != crc32:
            raise ValueError(f'{path.name} is not the file that was written')
        try:
            with safe_open(path, 'pt') as file:
                tensors = {name: file.get_tensor(name) for name in (*_WIDTHS, 'path')}
        except SafetensorError as error:
            raise ValueError(f'{path.name}: {error}') from error
        count = len(tensors['id']) if tensors['id'].dim() else -1
        for name, width in _WIDTHS.items():
            shape = tuple(tensors[name].shape)
            kind = torch.float32 if name == 'embedding' else torch.long
            right = len(shape) == 2 if width is None else shape == (count, width)[: 2 if width else 1]
            if not right or shape[0] != count or tensors[name].dtype != kind:
                raise ValueError(f'{path.name}: {name} is {tensors[name].dtype} {shape} for {count} pictures')
        return cls(tensors)

    def write(self, path: Path) -> int:
        """Writes the table in one step; returns its checksum."""
        write_tensors(path, self._tensors)
        return file_checksum(path)

    def __len__(self) -> int:
        return len(self.embeddings)

    def __iter__(self) -> Iterator[IndexedPicture]:
        return map(self.picture, range(len(self)))

    def picture(self, row: int) -> IndexedPicture:
        """The picture of a row."""
        ends = self._tensors['path_end']
        start = int(ends[row - 1]) if row else 0
        path = os.fsdecode(self._tensors['path'][start : int(ends[row])].numpy().tobytes())
        return IndexedPicture(
            int(self._tensors['id'][row]),
            path,
            *self._tensors['size'][row].tolist(),
            *self._tensors['file'][row].tolist(),
        )

    def nearest(self, embeddings: Tensor, count: int) -> list[list[IndexedPicture]]:
        """For each of (Q, E) embeddings, the ``count`` pictures of the highest inner product, best first.

        Raises:
            ValueError: the embeddings have another width, or are not finite.
        """
        if embeddings.shape[1] != self.embeddings.shape[1] or not embeddings.isfinite().all():
            raise ValueError(
                f'texts of {embeddings.shape[1]} finite numbers are needed where pictures have '
                f'{self.embeddings.shape[1]}: are the weights whole?'
            )
        _, rows = faiss.knn(
            embeddings.float().cpu().numpy(), self.embeddings.numpy(), min(count, len(self)), faiss.METRIC_INNER_PRODUCT
        )
        return [[self.picture(row) for row in of_query] for of_query in rows.tolist()]
