"""From a record with named fields (a json object, a row of a table) to an ``ImageRecord``."""

import os

from slan_mm.datasets.readers.entry import Entry
from slan_mm.datasets.readers.record import ImageRecord


def record_from_fields(
    entry: Entry, img_root: str, names: tuple[str, str, str, str], strip_prefix: str, remedy: str
) -> ImageRecord:
    """Reads the fields ``names`` = (image, caption, image id, split); the last two may be missing or empty."""
    image_field, caption_field, id_field, split_field = names
    path = entry.take(image_field, str, remedy).removeprefix(strip_prefix)
    if not path.strip():
        entry.fail(f'field {image_field!r} is empty', 'Name an image file, or remove the entry.')
    captions = entry.take(caption_field, (str, list), remedy)
    captions = [captions] if isinstance(captions, str) else captions
    if not all(isinstance(caption, str) for caption in captions):
        entry.fail(f'field {caption_field!r} holds something that is no text', remedy)
    if not captions:
        entry.fail(f'field {caption_field!r} is an empty list', 'Give a caption, or remove the entry.')
    image_id, split = entry.data.get(id_field), entry.data.get(split_field)
    if isinstance(image_id, float | list | dict):
        entry.take(id_field, (int, str), remedy)
    return ImageRecord(
        img_path=os.path.join(img_root, path),
        image_id=path if image_id in (None, '') else str(image_id),
        captions=captions,
        split=None if split in (None, '') else str(split),
        entry=entry,
    )
