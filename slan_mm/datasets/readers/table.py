"""A user's own folder of images with a csv, tsv or jsonl file of captions."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.entry import Entry, json_line_entries, read_text
from slan_mm.datasets.readers.fields import record_from_fields
from slan_mm.datasets.readers.record import ImageRecord

_REMEDY = (
    "format='table' reads .csv and .tsv with a header line, and .jsonl, with the fields image (path below the image "
    'folder) and caption, optionally image_id and split; fields of another name are told by '
    'reader=dict(image_field=..., caption_field=..., id_field=..., split_field=...).'
)
_SUFFIXES = {'.csv': ',', '.tsv': '\t', '.jsonl': None}


def read_table(
    ann_file: Path,
    img_root: str,
    image_field: str = 'image',
    caption_field: str = 'caption',
    id_field: str = 'image_id',
    split_field: str = 'split',
    delimiter: str | None = None,
    strip_prefix: str = '',
) -> Iterator[ImageRecord]:
    """One record a row.

    A csv file follows the usual quoting (a caption with a comma stands in double quotes); in a tsv file quotes are
    letters like any other. In a jsonl file ``caption`` may be a list. Empty lines are passed over.

    Args:
        ann_file: The table; its ending tells the kind.
        img_root: Folder that relative image paths start from.
        image_field: Column of the image path.
        caption_field: Column of the caption.
        id_field: Column of the image's id. Where it is missing or empty, the image path is the id.
        split_field: Column of the split; may be missing.
        delimiter: Separates columns; None: comma for csv, tab for tsv.
        strip_prefix: Taken off the front of each image path that has it.
    """
    suffix = ann_file.suffix.lower()
    if suffix not in _SUFFIXES:
        Entry(None, ann_file).fail(f'a table should end in one of {sorted(_SUFFIXES)}', _REMEDY)
    names = (image_field, caption_field, id_field, split_field)
    rows = (
        json_line_entries(ann_file, _REMEDY)
        if suffix == '.jsonl'
        else table_rows(ann_file, delimiter or _SUFFIXES[suffix] or ',')
    )
    for entry in rows:
        yield record_from_fields(entry, img_root, names, strip_prefix, _REMEDY)


def table_rows(file: Path, delimiter: str) -> Iterator[Entry]:
    """The rows of a csv or tsv file below its header, as entries with named fields."""
    quoting = csv.QUOTE_NONE if file.suffix.lower() == '.tsv' else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(read_text(file), newline=''), delimiter=delimiter, quoting=quoting)
    header: list[str] | None = None
    end = 0  # last line of the row before: a quoted caption may run over several lines
    try:
        for row in reader:
            entry = Entry(None, file, line=end + 1)
            end = reader.line_num
            if not any(value.strip() for value in row):
                continue
            if header is None:
                header = [name.strip() for name in row]
                _check_header(entry, header, delimiter)
                continue
            if len(row) != len(header):
                entry.fail(
                    f'{len(row)} columns where the header has {len(header)}',
                    f'Put captions that contain {delimiter!r} in double quotes.'
                    if quoting == csv.QUOTE_MINIMAL
                    else 'Captions must not contain tabs.',
                )
            entry.data = dict(zip(header, row, strict=True))
            yield entry
    except csv.Error as error:
        Entry(None, file, line=end + 1).fail(f'not a readable table ({error})', _REMEDY)


def _check_header(entry: Entry, header: list[str], delimiter: str) -> None:
    if len(set(header)) != len(header):
        entry.fail(f'the header names a column twice: {header}', 'Rename one of them.')
    if len(header) == 1:
        other = next((mark for mark in ';\t,|' if mark in header[0]), None)
        remedy = f'Set reader=dict(delimiter={other!r}).' if other else _REMEDY
        entry.fail(f'the header has a single column {header[0]!r} when split at {delimiter!r}', remedy)
