"""The json lists ``[{image, caption, image_id}]`` that users of ALBEF and BLIP hold."""

from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.entry import json_entries, load_json
from slan_mm.datasets.readers.fields import record_from_fields
from slan_mm.datasets.readers.record import ImageRecord

_REMEDY = (
    "format='json_list' reads a list [{image, caption, image_id?, split?}], caption being a text or a list of texts; "
    'for other field names use reader=dict(image_field=..., caption_field=..., id_field=...). JSON lines '
    "(.jsonl) are format='table'."
)


def read_json_list(
    ann_file: Path,
    img_root: str,
    image_field: str = 'image',
    caption_field: str = 'caption',
    id_field: str = 'image_id',
    split_field: str = 'split',
    strip_prefix: str = '',
) -> Iterator[ImageRecord]:
    """One record an entry.

    Args:
        ann_file: The json file.
        img_root: Folder that relative image paths start from; absolute ones stand for themselves.
        image_field: Field of the image path.
        caption_field: Field of the caption, or of the list of captions.
        id_field: Field of the image's id. Where an entry lacks it, the image path is the id.
        split_field: Field of the split; may be missing.
        strip_prefix: Taken off the front of each image path that has it, for lists written with the absolute paths
            of another machine.
    """
    names = (image_field, caption_field, id_field, split_field)
    for entry in json_entries(ann_file, load_json(ann_file), None, _REMEDY):
        yield record_from_fields(entry, img_root, names, strip_prefix, _REMEDY)
