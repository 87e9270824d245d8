"""A folder of the kind ``imagefolder`` of Hugging Face's ``datasets``: pictures, and metadata.jsonl or metadata.csv."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slan_mm.datasets.readers.entry import AnnotationError, Entry, json_line_entries
from slan_mm.datasets.readers.fields import record_from_fields
from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.datasets.readers.table import table_rows

METADATA = ('metadata.jsonl', 'metadata.csv')
#: Names of captions, in the order in which they are looked for.
CAPTION_FIELDS = ('text', 'caption', 'captions')
_REMEDY = (
    "format='imagefolder' reads metadata.jsonl or metadata.csv with the fields file_name (path below the metadata's "
    f'folder) and one of {", ".join(CAPTION_FIELDS)}; a field of another name is told by '
    'reader=dict(caption_field=...).'
)
_SPLITS = {
    **dict.fromkeys(('train', 'training'), 'train'),
    **dict.fromkeys(('val', 'valid', 'validation', 'dev'), 'val'),
    **dict.fromkeys(('test', 'testing', 'eval', 'evaluation'), 'test'),
}


def split_of(path: str) -> str | None:
    """The split that a path's folders and file name tell, as ``datasets`` understands them; None: none."""
    words = re.split(r'[^A-Za-z]+', path.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def caption_field_of(names: Sequence[str], entry: Entry, asked: str = '') -> str:
    """The field of the captions among ``names``: ``asked``, or the first of ``CAPTION_FIELDS``.

    Raises:
        AnnotationError: There is none.
    """
    found = [name for name in ([asked] if asked else CAPTION_FIELDS) if name in names]
    if not found:
        entry.fail(f'no field {asked or "of captions"!r} (fields here: {", ".join(map(str, names))})', _REMEDY)
    return found[0]


def read_imagefolder(
    ann_file: Path, img_root: str, caption_field: str = '', split_field: str = 'split'
) -> Iterator[ImageRecord]:
    """One record an entry of every metadata file below ``ann_file``, a folder.

    A picture's split is that of its entry's ``split_field``, else what its folder is called: train, validation, test.

    Args:
        ann_file: The folder.
        img_root: The same folder.
        caption_field: Field of the caption, or of the list of captions; '': text, caption or captions.
        split_field: Field of the split; may be missing.

    Raises:
        AnnotationError: There is no metadata, a field is missing, or a path leaves its folder.
    """
    files = [path for path in sorted(ann_file.rglob('metadata.*')) if path.name in METADATA]
    if not files:
        raise AnnotationError(f'{ann_file}: no {" or ".join(METADATA)} in this folder or below. {_REMEDY}')
    for file in files:
        folder = os.path.relpath(file.parent, ann_file)
        rows = json_line_entries(file, _REMEDY) if file.suffix == '.jsonl' else table_rows(file, ',')
        for entry in rows:
            path = os.path.normpath(os.path.join(folder, _safe(entry)))
            fields = list(entry.data)
            names = ('file_name', caption_field_of(fields, entry, caption_field), '', split_field)
            record = record_from_fields(entry, str(file.parent), names, '', _REMEDY)
            record.img_path, record.image_id = os.path.join(img_root, path), path
            record.split = split_of(record.split or os.path.dirname(path)) or record.split
            yield record


def _safe(entry: Entry) -> str:
    """The path of an entry, which must stay in its folder: such folders come from others."""
    path = entry.take_path('file_name', _REMEDY)
    if os.path.isabs(path) or '..' in re.split(r'[/\\]', path):
        entry.fail(f'file_name {path!r} leads out of its folder', 'Name files of the folder alone.')
    return path
