"""COCO's ``captions_*.json`` (Lin et al. 2014)."""

import os
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.entry import json_entries, load_json
from slan_mm.datasets.readers.record import ImageRecord

_REMEDY = (
    "format='coco_captions' reads {images: [{id, file_name}], annotations: [{image_id, caption}]}. Karpathy's "
    "dataset_*.json is format='karpathy'; instances_*.json and image_info_*.json hold no captions."
)


def read_coco_captions(ann_file: Path, img_root: str) -> Iterator[ImageRecord]:
    """One record a caption, in the order of ``annotations``; images without captions do not appear."""
    data = load_json(ann_file)
    names: dict[str, str] = {}
    for entry in json_entries(ann_file, data, 'images', _REMEDY):
        image_id = entry.take_id('id', _REMEDY)
        if image_id in names:
            entry.fail(f'a second image with id {image_id!r}', 'Give every image an id of its own.')
        names[image_id] = entry.take_path('file_name', _REMEDY)
    for entry in json_entries(ann_file, data, 'annotations', _REMEDY):
        image_id = entry.take_id('image_id', _REMEDY)
        if image_id not in names:
            entry.fail(f'image_id {image_id!r} is not among the images', 'Add the image or remove the caption.')
        caption = entry.take('caption', str, _REMEDY, whole=False)
        yield ImageRecord(os.path.join(img_root, names[image_id]), image_id, [caption], None, entry)
