"""Pictures and captions that a Hugging Face data set keeps in parquet files, as files of their own."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.readers.entry import Entry
from slan_mm.datasets.readers.imagefolder import caption_field_of, split_of
from slan_mm.extras import require_extra

_REMEDY = (
    'Parquet files need a column of embedded pictures (struct with bytes, as datasets writes its Image feature) and a '
    'column of captions, text or a list of texts.'
)
#: Rows read at once.
_ROWS = 32


def parquet_files(folder: Path) -> list[Path]:
    """The parquet files in ``folder`` and below, sorted."""
    return sorted(path for path in folder.rglob('*.parquet') if path.is_file())


def extract_parquet(source: Path, pictures: Path, table: Path, image_field: str = '', caption_field: str = '') -> int:
    """Writes every picture of the parquet files below ``source`` into ``pictures``, and their captions into ``table``.

    A picture is called after its content, never after what the data say: one that comes twice is one picture. Needs the
    extra ``parquet``.

    Args:
        source: A folder of parquet files; nothing is written there.
        pictures: A folder, which must be there.
        table: A .jsonl table as ``format='table'`` reads it: image, caption (a list), split.
        image_field, caption_field: Columns; '': the first with pictures, and text, caption or captions.

    Returns:
        The number of rows.

    Raises:
        AnnotationError: A file is damaged, or lacks one of the columns; or a row has no picture or no caption.
        ModuleNotFoundError: pyarrow is not installed.
    """
    require_extra('parquet')
    rows = 0
    with replaced_atomically(table) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        for shard in parquet_files(source):
            split = split_of(str(shard.relative_to(source)))
            for entry, content, captions in _rows_of(shard, image_field, caption_field):
                name = hashlib.sha256(content).hexdigest()[:32] + _ending(content)
                if not (pictures / name).exists():
                    with replaced_atomically(pictures / name) as part:
                        part.write_bytes(content)
                if not captions:
                    entry.fail('no caption in this row', 'Write one, or remove the row.')
                line = {'image': name, 'caption': captions, **({'split': split} if split else {})}
                file.write(json.dumps(line, ensure_ascii=True) + '\n')
                rows += 1
    return rows


def _rows_of(shard: Path, image_field: str, caption_field: str) -> Iterator[tuple[Entry, bytes, list[str]]]:
    """Place, picture and captions of each row."""
    import pyarrow
    from pyarrow import parquet

    top = Entry(None, shard)
    try:
        file = parquet.ParquetFile(shard)
        schema = file.schema_arrow
        picture = image_field or next((field.name for field in schema if _has_bytes(field.type)), '')
        if picture not in schema.names or not _has_bytes(schema.field(picture).type):
            top.fail(f'no column of embedded pictures (columns here: {", ".join(schema.names)})', _REMEDY)
        caption = caption_field_of(schema.names, top, caption_field)
        number = 0
        for batch in file.iter_batches(_ROWS, columns=[picture, caption]):
            for row in batch.to_pylist():
                number += 1
                entry = Entry(row, shard, f'row {number}')
                content = (row[picture] or {}).get('bytes')
                if not content:
                    entry.fail('no picture is embedded in this row', 'Save the data set with its pictures embedded.')
                yield entry, content, _texts(entry, row[caption])
    except (pyarrow.ArrowException, OSError) as error:
        top.fail(f'not a readable parquet file ({" ".join(str(error).split())})', 'Is the download complete?')


def _has_bytes(kind: Any) -> bool:
    from pyarrow import types

    if not types.is_struct(kind):
        return False
    found = [field.type for field in map(kind.field, range(kind.num_fields)) if field.name == 'bytes']
    return len(found) == 1 and (types.is_binary(found[0]) or types.is_large_binary(found[0]))


def _texts(entry: Entry, value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(text, str) for text in texts):
        entry.fail('the caption is no text, nor a list of texts', _REMEDY)
    return texts


def _ending(content: bytes) -> str:
    """The usual ending of a picture's format; what is no picture is found out when all are read."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return f'.{(picture.format or "img").lower()}'
    except (OSError, ValueError, Image.DecompressionBombError):
        return '.img'
