"""From a record with named fields (a json object, a row of a table) to an ``ImageRecord``."""

import os

from slan_mm.datasets.readers.entry import Entry
from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.plain_text import is_blank


def record_from_fields(
    entry: Entry, img_root: str, names: tuple[str, str, str, str], strip_prefix: str, remedy: str
) -> ImageRecord:
    """Reads the fields ``names`` = (image, caption, image id, split); the last two may be missing or empty."""
    image_field, caption_field, id_field, split_field = names
    path = entry.take_path(image_field, remedy, strip_prefix)
    captions = entry.take(caption_field, (str, list), remedy, whole=False)
    captions = [captions] if isinstance(captions, str) else captions
    if not all(isinstance(caption, str) for caption in captions):
        entry.fail(f'field {caption_field!r} holds something that is no text', remedy)
    if not captions:
        entry.fail(f'field {caption_field!r} is an empty list', 'Give a caption, or remove the entry.')
    return ImageRecord(
        img_path=os.path.join(img_root, path),
        # The same for 'a.jpg' and './a.jpg'.
        image_id=entry.take_id(id_field, remedy) if _is_given(entry, id_field) else os.path.normpath(path),
        captions=captions,
        split=str(entry.take(split_field, (int, str), remedy)).strip() if _is_given(entry, split_field) else None,
        entry=entry,
    )


def _is_given(entry: Entry, name: str) -> bool:
    value = entry.data.get(name)
    return value is not None and not (isinstance(value, str) and is_blank(value))
