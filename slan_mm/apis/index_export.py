"""Exports an index of images to import files of Qdrant or Milvus.

A folder with ``rows/``, with some images per file, and ``collection.json``, the body of the request that makes the
collection; it is written last. Both programs get the same rows:

- ``id``, ``path``, ``height``, ``width``, ``bytes``, ``modified_ns``: see :class:`IndexedPicture`.
- ``embedding``: what ITC compares, by the inner product.
- of each region-word term its regions, whole numbers that stand for unit vectors, and their boxes, normalised cxcywh.

Qdrant: ``rows/*.json`` are bodies of upsert requests. A term is a multi-vector of its own name, boxes stand in the
payload. Milvus: ``rows/*.parquet`` for its bulk import. ``regions_<term>`` and ``boxes_<term>`` are flat arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from slan_mm.apis.index_parts import EMPTY, Found, PictureIndexError
from slan_mm.apis.lance_index import LanceIndex
from slan_mm.apis.picture_index import PictureIndex
from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.arguments import checked, one_of, out_folder
from slan_mm.atomic_files import replaced_atomically
from slan_mm.extras import require_extra
from slan_mm.own_files import start_afresh
from slan_mm.plain_text import is_whole
from slan_mm.progress import Progress

_NUMBERS = ('height', 'width', 'bytes', 'modified_ns')
#: Of an array, by Milvus.
MAX_CAPACITY = 4096
#: Of a path, in bytes, by Linux.
_MAX_PATH = 4096


@checked(program=lambda value: one_of(*PROGRAMS)(value), folder=out_folder)
def export_index(index: PictureIndex | LanceIndex, folder: str | Path, program: str) -> int:
    """Writes the saved images of ``index``, some thousand at a time; returns their number.

    Args:
        index: as it was opened.
        folder: for the files; those of an earlier export are replaced.
        program: of ``PROGRAMS``.

    Raises:
        FileExistsError: ``folder`` has files of these names that nothing of ours has written.
        ModuleNotFoundError: pyarrow is not installed, which writes Milvus' files.
        PictureIndexError: the index is empty, or has what the program cannot hold.
        ValueError: there is no such program, or ``folder`` can be none.
    """
    collection_of, write, ending, size = PROGRAMS[program]
    if program == 'milvus':
        require_extra('parquet')
    if not len(index):
        raise PictureIndexError(EMPTY.format(folder=index.folder))
    unwhole = [path for path in index.pictures if not is_whole(path)]
    if unwhole:
        raise PictureIndexError(
            f'{len(unwhole)} names in the index {index.folder}, the first {unwhole[0]!a}, are not UTF-8: {program} '
            'cannot hold them. Rename the files, and run tools/index.py remove --gone and add'
        )
    folder = Path(folder)
    count = 0
    with Progress('Export pictures', len(index)) as progress:
        for number, part in enumerate(index.saved(size)):
            if not number:
                collection = collection_of(part.summary)
                start_afresh(folder, ['collection.json', 'rows'], 'an exported index')
                (folder / 'rows').mkdir()
            with replaced_atomically(folder / 'rows' / f'{number:06d}.{ending}') as temporary:
                write(part, temporary)
            count += len(part.pictures)
            progress.step(len(part.pictures))
    with replaced_atomically(folder / 'collection.json') as temporary:
        temporary.write_text(json.dumps(collection, indent=1) + '\n', encoding='utf-8')
    return count


def _qdrant_collection(summary: PictureSummary) -> dict[str, Any]:
    """Vectors of a collection of Qdrant."""
    vectors: dict[str, Any] = {
        'embedding': {'size': summary.embedding.shape[1], 'distance': 'Dot', 'datatype': 'float16', 'on_disk': True}
    }
    for term, regions in summary.regions.items():
        # Cosine makes unit vectors of the numbers. They only order what the embeddings have found: no graph of them.
        vectors[term] = {'size': regions.shape[2], 'distance': 'Cosine', 'datatype': 'float16', 'on_disk': True}
        vectors[term] |= {'multivector_config': {'comparator': 'max_sim'}, 'hnsw_config': {'m': 0}}
    return {'vectors': vectors}


def _decimals(values: Tensor) -> list:
    """Numbers of half precision, multiples of 2 ** -24, in decimals that are read as the same ones again."""
    return values.double().numpy().round(8).tolist()


def _write_qdrant(part: Found, path: Path) -> None:
    """Points of Qdrant."""
    summary, points = part.summary, []
    embedding, regions = _decimals(summary.embedding), {term: own.tolist() for term, own in summary.regions.items()}
    boxes = {term: _decimals(own) for term, own in summary.boxes.items()}
    for row, picture in enumerate(part.pictures):
        payload = {'path': picture.path, **{name: getattr(picture, name) for name in _NUMBERS}}
        payload['boxes'] = {term: own[row] for term, own in boxes.items()}
        vector = {'embedding': embedding[row], **{term: own[row] for term, own in regions.items()}}
        points.append({'id': picture.id, 'vector': vector, 'payload': payload})
    path.write_text(json.dumps({'points': points}, separators=(',', ':'), allow_nan=False), encoding='utf-8')


def _milvus_collection(summary: PictureSummary) -> dict[str, Any]:
    """A collection of Milvus.

    Raises:
        PictureIndexError: an array is longer than Milvus allows.
    """
    fields: list[dict[str, Any]] = [{'fieldName': 'id', 'dataType': 'Int64', 'isPrimary': True}]
    fields.append({'fieldName': 'path', 'dataType': 'VarChar', 'elementTypeParams': {'max_length': str(_MAX_PATH)}})
    fields += [{'fieldName': name, 'dataType': 'Int64'} for name in _NUMBERS]
    size = {'dim': str(summary.embedding.shape[1])}
    fields.append({'fieldName': 'embedding', 'dataType': 'FloatVector', 'elementTypeParams': size})
    for name, kind, values in _arrays(summary):
        count = values.shape[1]
        if count > MAX_CAPACITY:
            raise PictureIndexError(
                f'{name} has {count} numbers a picture: Milvus allows {MAX_CAPACITY} in an array. Export for qdrant'
            )
        capacity = {'max_capacity': str(count)}
        fields.append({'fieldName': name, 'dataType': 'Array', 'elementDataType': kind, 'elementTypeParams': capacity})
    return {
        'collectionName': 'pictures',
        'schema': {'autoId': False, 'enableDynamicField': False, 'fields': fields},
        'indexParams': [
            {'fieldName': 'embedding', 'indexName': 'embedding', 'metricType': 'IP', 'indexType': 'AUTOINDEX'}
        ],
    }


def _arrays(summary: PictureSummary) -> list[tuple[str, str, Tensor]]:
    """Name, Milvus' type and values (N, n) of each array."""
    arrays = [(f'regions_{term}', 'Int8', own.flatten(1)) for term, own in summary.regions.items()]
    return arrays + [(f'boxes_{term}', 'Float', own.float().flatten(1)) for term, own in summary.boxes.items()]


def _write_milvus(part: Found, path: Path) -> None:
    """A parquet file of Milvus."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    def lists(values: Tensor) -> Any:
        starts = pa.array(range(0, values.numel() + 1, values.shape[1]), pa.int32())
        return pa.ListArray.from_arrays(starts, pa.array(values.numpy().ravel()))

    columns = {
        name: pa.array(
            [getattr(picture, name) for picture in part.pictures], pa.string() if name == 'path' else pa.int64()
        )
        for name in ('id', 'path', *_NUMBERS)
    }
    columns['embedding'] = lists(part.summary.embedding.float())
    columns |= {name: lists(values) for name, _, values in _arrays(part.summary)}
    write_table(pa.table(columns), path)


_Collection = Callable[[PictureSummary], dict[str, Any]]
#: Of each program: the body that makes the collection, how a file is written and what it ends with, pictures of a file.
#: Qdrant takes requests of up to 32 MB.
PROGRAMS: dict[str, tuple[_Collection, Callable[[Found, Path], None], str, int]] = {
    'qdrant': (_qdrant_collection, _write_qdrant, 'json', 500),
    'milvus': (_milvus_collection, _write_milvus, 'parquet', 10_000),
}
