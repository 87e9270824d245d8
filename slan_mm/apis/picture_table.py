"""The images of an index and their summaries: one safetensors file, of which a search reads only the needed rows.

Tensors, one row per image: ``id`` (N,), ``size`` (N, 2) height and width, ``file`` (N, 2) bytes and time of change;
``path`` (bytes of all paths, one after the other) and ``path_end`` (N,) where each ends; ``embedding``, and of each
region-word term ``regions.<term>`` and ``boxes.<term>``, see :class:`PictureSummary`.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.feature_store import write_tensors

#: Columns of whole numbers, a number or several a picture.
_NUMBERS = {'id': (), 'size': (2,), 'file': (2,), 'path_end': ()}


@dataclass
class IndexedPicture:
    """An image of an index.

    - ``id``: its number, which is never reused.
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


def check_queries(embeddings: Tensor, width: int) -> None:
    """Checks that (Q, E) text embeddings fit image embeddings of ``width`` numbers.

    Raises:
        ValueError: they have another width, or are not finite.
    """
    if embeddings.shape[1] != width or not embeddings.isfinite().all():
        raise ValueError(
            f'texts of {embeddings.shape[1]} finite numbers are needed where pictures have {width}: are the weights '
            'whole?'
        )


def file_checksum(path: Path) -> int:
    """CRC-32 of a file's content."""
    with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return zlib.crc32(content)


def _all_finite(halves: Tensor) -> bool:
    """Whether all numbers of half precision are finite: by their bits, which takes a tenth of PyTorch's time."""
    bits = halves.numpy()
    if not bits.size:
        return True
    # Infinity and what is no number have the highest patterns, of both signs.
    return bool(bits.view(np.int16).max() < 0x7C00 and bits.view(np.uint16).max() < 0xFC00)


class PictureTable:
    """N images in the order of their rows.

    Attributes:
        summary: their summaries; rows are read when needed.
    """

    def __init__(self, tensors: dict[str, Tensor], summary: PictureSummary) -> None:
        self._tensors = tensors
        self.summary = summary

    @classmethod
    def of(cls, pictures: Sequence[IndexedPicture], summary: PictureSummary) -> PictureTable:
        """The table of ``pictures`` and their ``summary``."""
        paths = [os.fsencode(picture.path) for picture in pictures]
        numbers = torch.tensor(
            [(p.id, p.height, p.width, p.bytes, p.modified_ns) for p in pictures], dtype=torch.long
        ).reshape(-1, 5)
        return cls(
            dict(
                id=numbers[:, 0].clone(),
                size=numbers[:, 1:3].clone(),
                file=numbers[:, 3:].clone(),
                path=torch.frombuffer(bytearray(b''.join(paths)) or bytearray(1), dtype=torch.uint8),
                path_end=torch.tensor([len(path) for path in paths], dtype=torch.long).cumsum(0),
            ),
            summary,
        )

    @classmethod
    def read(cls, path: Path, crc32: int) -> PictureTable:
        """The table in a file: rows are read from the file when needed.

        Raises:
            ValueError: the file was changed, or is no table.
            OSError: the file does not exist.
        """
        if file_checksum(path) != crc32:
            raise ValueError(f'{path.name} is not the file that was written')
        try:
            with safe_open(path, 'pt') as file:
                tensors = {name: file.get_tensor(name) for name in (*_NUMBERS, 'path')}
                terms = sorted(name.partition('.')[2] for name in file.keys() if name.startswith('regions.'))  # noqa: SIM118
                summary = PictureSummary(
                    file.get_tensor('embedding'),
                    {term: file.get_tensor(f'regions.{term}') for term in terms},
                    {term: file.get_tensor(f'boxes.{term}') for term in terms},
                )
        except SafetensorError as error:
            raise ValueError(f'{path.name}: {error}') from error
        count = len(tensors['id']) if tensors['id'].dim() else -1
        columns: dict[str, tuple[Tensor, torch.dtype, tuple[int | None, ...]]] = {
            name: (tensors[name], torch.long, width) for name, width in _NUMBERS.items()
        }
        columns['embedding'] = (summary.embedding, torch.float16, (None,))
        for term in terms:
            columns[f'regions.{term}'] = (summary.regions[term], torch.int8, (None, None))
            columns[f'boxes.{term}'] = (summary.boxes[term], torch.float16, (*summary.regions[term].shape[1:2], 4))
        for name, (tensor, kind, width) in columns.items():
            shape = tuple(tensor.shape)
            right = len(shape) == 1 + len(width) and all(
                wanted in (None, has) for wanted, has in zip((count, *width), shape, strict=True)
            )
            if not right or tensor.dtype != kind:
                raise ValueError(f'{path.name}: {name} is {tensor.dtype} {shape} for {count} pictures')
        ends = tensors['path_end']
        if count and not (ends[0] >= 1 and (ends.diff() >= 1).all() and int(ends[-1]) == len(tensors['path'])):
            raise ValueError(f'{path.name}: the paths do not end where path_end says')
        if len(tensors['id'].unique()) != count or not all((tensors[name] >= 0).all() for name in ('id', 'size')):
            raise ValueError(f'{path.name}: numbers are negative, or an id stands for two pictures')
        if not _all_finite(summary.embedding):
            raise ValueError(f'{path.name}: an embedding is not finite')
        return cls(tensors, summary)

    def write(self, path: Path) -> int:
        """Writes the table in one step; returns its checksum."""
        summary = {'embedding': self.summary.embedding}
        summary |= {f'regions.{term}': values for term, values in self.summary.regions.items()}
        summary |= {f'boxes.{term}': values for term, values in self.summary.boxes.items()}
        write_tensors(path, self._tensors | {name: tensor.contiguous() for name, tensor in summary.items()})
        return file_checksum(path)

    def __len__(self) -> int:
        return len(self.summary)

    def __iter__(self) -> Iterator[IndexedPicture]:
        return map(self.picture, range(len(self)))

    def picture(self, row: int) -> IndexedPicture:
        """The image of a row."""
        ends = self._tensors['path_end']
        start = int(ends[row - 1]) if row else 0
        path = os.fsdecode(self._tensors['path'][start : int(ends[row])].numpy().tobytes())
        return IndexedPicture(
            int(self._tensors['id'][row]),
            path,
            *self._tensors['size'][row].tolist(),
            *self._tensors['file'][row].tolist(),
        )

    @cached_property
    def _embeddings(self) -> Tensor:
        """(N, E) in the type that FAISS compares."""
        return self.summary.embedding.float()

    def nearest(self, embeddings: Tensor, count: int) -> Tensor:
        """For each of (Q, E) embeddings, the rows (Q, ``count`` or fewer) of the highest inner product, best first.

        Raises:
            ValueError: the embeddings have another width, or are not finite.
        """
        check_queries(embeddings, self.summary.embedding.shape[1])
        queries = embeddings.float().cpu().numpy()
        _, rows = faiss.knn(queries, self._embeddings.numpy(), min(count, len(self)), faiss.METRIC_INNER_PRODUCT)
        return torch.from_numpy(rows)
