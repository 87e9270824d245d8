"""Rows of an index in LanceDB: an image and its summary each, with checksums.

Columns: ``id``, ``path`` (bytes), ``height``, ``width``, ``bytes``, ``modified_ns``, and ``picture_crc32`` of these;
``embedding`` and ``embedding_sum``; of each region-word term ``regions_<K>_<term>`` and ``boxes_<K>_<term>`` as bytes,
K regions each, and ``summary_crc32`` of these and the id. Tables of earlier versions have no checksums.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from slan_mm.apis.index_parts import Found
from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.apis.picture_table import IndexedPicture

#: Columns of the image itself.
COLUMNS = ('id', 'path', 'height', 'width', 'bytes', 'modified_ns')
CHECKSUMS = ('picture_crc32', 'embedding_sum', 'summary_crc32')


def make_rows(pictures: Sequence[IndexedPicture], summary: PictureSummary, names: Sequence[str] | None = None) -> Any:
    """An Arrow table, one row per image; only the columns ``names``, if given, which a table of old may lack."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        name: pa.array([getattr(picture, name) for picture in pictures], pa.int64())
        for name in COLUMNS
        if name != 'path'
    }
    columns['path'] = pa.array([picture.path.encode(errors='surrogateescape') for picture in pictures], pa.binary())
    flat = pa.array(summary.embedding.numpy().ravel())
    columns['embedding'] = pa.FixedSizeListArray.from_arrays(flat, summary.embedding.shape[1])
    for kind, values in (('regions', summary.regions), ('boxes', summary.boxes)):
        for term, tensor in values.items():
            array = np.ascontiguousarray(tensor.numpy())
            cells = [row.tobytes() for row in array]
            columns[f'{kind}_{array.shape[1]}_{term}'] = pa.array(cells, pa.binary(len(cells[0])))
    table = pa.table(columns)
    sums = _of_pictures(table), _of_embeddings(table), _of_summaries(table)
    for name, own in zip(CHECKSUMS, sums, strict=True):
        table = table.append_column(name, pa.array(own, pa.int64()))
    return table if names is None else table.select([name for name in table.column_names if name in names])


def read_pictures(table: Any) -> list[IndexedPicture]:
    """The images of an Arrow table of :data:`COLUMNS` and ``picture_crc32``.

    Raises:
        ValueError: a row is not what was written.
    """
    _check(table, 'picture_crc32', _of_pictures)
    rows = table.select(list(COLUMNS)).to_pylist()
    return [
        IndexedPicture(**row | {'path': row['path'].decode(errors='surrogateescape')})  # a name of any bytes
        for row in rows
    ]


def check_embeddings(table: Any) -> None:
    """Looks at the embeddings of an Arrow table of ``embedding`` and ``embedding_sum``.

    Raises:
        ValueError: a row is not what was written.
    """
    _check(table, 'embedding_sum', _of_embeddings)


def read_rows(table: Any) -> Found:
    """Images and summaries of an Arrow table of all columns.

    Raises:
        ValueError: a row is not what was written.
    """
    check_embeddings(table)
    _check(table, 'summary_crc32', _of_summaries)
    if not np.isfinite(_embeddings(table)).all():
        raise ValueError('an embedding is not finite')
    parts: dict[str, dict[str, Tensor]] = {'regions': {}, 'boxes': {}}
    for name in _arrays(table):
        kind, regions, term = name.split('_', 2)
        values = np.frombuffer(
            b''.join(table[name].to_pylist()), dtype=np.int8 if kind == 'regions' else np.float16
        ).copy()
        parts[kind][term] = torch.from_numpy(values.reshape(table.num_rows, int(regions), -1))
    return Found(read_pictures(table), PictureSummary(torch.from_numpy(_embeddings(table).copy()), **parts))


def _check(table: Any, name: str, checksums: Any) -> None:
    if name not in table.column_names:
        return
    wrong = np.flatnonzero(table[name].to_numpy() != np.array(checksums(table), dtype=np.int64))
    if len(wrong):
        raise ValueError(f'{len(wrong)} of {table.num_rows} rows are not what was written')


def _arrays(table: Any) -> list[str]:
    return sorted(name for name in table.column_names if name.startswith(('regions_', 'boxes_')))


def _embeddings(table: Any) -> np.ndarray:
    column = table['embedding']
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    width = column.type.list_size
    return np.concatenate([np.empty(0, np.float16), *flat]).astype(np.float16, copy=False).reshape(-1, width)


def _of_pictures(table: Any) -> list[int]:
    columns = (table[name].to_pylist() for name in COLUMNS)
    return [zlib.crc32(repr(row).encode()) for row in zip(*columns, strict=True)]


def _of_embeddings(table: Any) -> np.ndarray:
    """Of each embedding a sum of its bits, weighted by odd numbers: every flipped bit changes it."""
    bits = _embeddings(table).view(np.uint16).astype(np.uint32)
    weights = np.arange(bits.shape[1], dtype=np.uint32) * np.uint32(2654435762) + np.uint32(1)
    return (bits * weights).sum(1, dtype=np.uint32).astype(np.int64)


def _of_summaries(table: Any) -> list[int]:
    names = _arrays(table)  # which tell what the bytes are, and stand in LanceDB's own files alone
    columns = [table[name].to_pylist() for name in ('id', *names)]
    starts = [zlib.crc32(repr((number, *names)).encode()) for number in columns[0]]
    return [zlib.crc32(b''.join(cells), start) for start, *cells in zip(starts, *columns[1:], strict=True)]
