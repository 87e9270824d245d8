"""A user's own folder of images with a csv, tsv or jsonl file of captions."""

import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.entry import Entry, json_line_entries, read_text
from slan_mm.datasets.readers.fields import record_from_fields
from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.plain_text import short

_REMEDY = (
    "format='table' reads .csv and .tsv with a header line, and .jsonl, with the fields image (path below the image "
    'folder) and caption, optionally image_id and split; for other field names use '
    '--image-field and --caption-field of tools/prepare_own_data.py, or in a config '
    'reader=dict(image_field=..., caption_field=..., id_field=..., split_field=...).'
)
_QUOTES = 'Close it, double it ("") if it is part of the text, or write the text in one line.'
_SUFFIXES = {'.csv': None, '.tsv': '\t', '.jsonl': None}


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
        delimiter: Separates columns; None: tab for tsv; for csv what the header has, see :func:`header_delimiter`.
        strip_prefix: Taken off the front of each image path that has it.
    """
    suffix = ann_file.suffix.lower()
    if suffix not in _SUFFIXES:
        Entry(None, ann_file).fail(f'a table should end in one of {sorted(_SUFFIXES)}', _REMEDY)
    names = (image_field, caption_field, id_field, split_field)
    rows = (
        json_line_entries(ann_file, _REMEDY)
        if suffix == '.jsonl'
        else table_rows(ann_file, _SUFFIXES[suffix] if delimiter is None else delimiter)
    )
    for entry in rows:
        yield record_from_fields(entry, img_root, names, strip_prefix, _REMEDY)


def header_delimiter(text: str) -> str:
    """What separates the columns of a csv: commas, where the first line has any; else semicolons or tabs.

    Spreadsheets write semicolons in countries whose numbers have a decimal comma.
    """
    header = text.partition('\n')[0]
    return next((mark for mark in ',;\t' if mark in header), ',')


def table_rows(file: Path, delimiter: str | None = None) -> Iterator[Entry]:
    """The rows of a csv or tsv file below its header, as entries with named fields.

    ``delimiter`` None: see :func:`header_delimiter`.

    Raises:
        AnnotationError: A quote is not closed, or takes in other rows; the columns are not those of the header.
        ValueError: ``delimiter`` is not a single character.
    """
    text = read_text(file)
    delimiter = header_delimiter(text) if delimiter is None else delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError(f'delimiter must be a single character, no quote and no line break, got {delimiter!r}')
    quoting = csv.QUOTE_NONE if file.suffix.lower() == '.tsv' else csv.QUOTE_MINIMAL
    lines = io.StringIO(text, newline='').readlines()
    # strict: what follows a quote that is closed, or the end of the file in a quote, is an error.
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    header: list[str] | None = None
    end = 0  # last line of the row before: a quoted caption may run over several lines
    try:
        for row in reader:
            entry = Entry(None, file, line=end + 1)
            own, end = lines[end : reader.line_num], reader.line_num
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
            if len(own) > 1:
                _check_several_lines(entry, row, own, delimiter)
            entry.data = dict(zip(header, row, strict=True))
            yield entry
    except csv.Error as error:
        if (line := _open_quote(lines[end:], delimiter, reader.line_num - end)) and quoting == csv.QUOTE_MINIMAL:
            what = 'the quote that opens here is not closed where its column ends'
            Entry(None, file, line=end + line).fail(what, _QUOTES)
        Entry(None, file, line=end + 1).fail(f'not a readable table ({error})', _REMEDY)


def _check_several_lines(entry: Entry, row: list[str], lines: list[str], delimiter: str) -> None:
    """Refuses a row whose quotes have taken in others: a line of it looks like a row itself."""
    quoted = [place for place, cell in enumerate(row) if '\n' in cell or '\r' in cell]
    before, behind = row[: quoted[0]], row[quoted[-1] + 1 :]
    for number, line in enumerate(lines):
        cells = line.rstrip('\r\n').split(delimiter)
        # What stands before the quotes in the first line, and behind them in the last, is the row's own.
        pairs = list(zip(before, cells, strict=False)) if number else []
        if number < len(lines) - 1:
            pairs += zip(reversed(behind), reversed(cells), strict=False)
        if len(cells) >= len(row) and any(_kind(own) == _kind(other) not in ('', '0') for own, other in pairs):
            entry.line += _open_quote(lines, delimiter, max(1, number)) - 1
            entry.fail(f'the quote that opens here takes in a line like a row, {short(line.strip())}', _QUOTES)


def _kind(cell: str) -> str:
    """What cells of one column have in common: the ending of a file name, or all but the digits."""
    cell = cell.strip()
    ending = os.path.splitext(cell)[1].lower()
    return ending if ending and not set(ending) & set(' "') else re.sub(r'\d+', '0', cell)


def _open_quote(lines: list[str], delimiter: str, number: int) -> int:
    """The line, from 1, of the quote that is open at the end of the first ``number`` lines; or of the last quote."""
    opened, inside, before = 0, False, delimiter
    for line, text in enumerate(lines[:number], start=1):
        for letter in text:
            if letter == '"':
                if not inside and before == delimiter:
                    opened, inside = line, True
                elif inside:
                    inside = False
                # Of a doubled quote the second opens again.
                elif before == '"':
                    inside = True
            before = delimiter if letter in '\r\n' and not inside else letter
    return opened


def _check_header(entry: Entry, header: list[str], delimiter: str) -> None:
    if len(set(header)) != len(header):
        entry.fail(f'the header names a column twice: {header}', 'Rename one of them.')
    if len(header) == 1:
        other = next((mark for mark in ',;\t|' if mark in header[0]), None)
        remedy = f'Save it with commas, or set reader=dict(delimiter={other!r}) of the data set.' if other else _REMEDY
        entry.fail(f'the header has a single column {header[0]!r} when split at {delimiter!r}', remedy)
