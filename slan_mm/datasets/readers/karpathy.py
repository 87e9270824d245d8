"""Karpathy's ``dataset_{coco,flickr30k,flickr8k}.json`` (Karpathy & Fei-Fei 2015)."""

import os
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.entry import json_entries, load_json
from slan_mm.datasets.readers.record import ImageRecord

_REMEDY = (
    "format='karpathy' reads {images: [{filename, split, sentences: [{raw}], filepath?, cocoid?}]}. COCO's own "
    "captions_*.json is format='coco_captions', a list [{image, caption}] is format='json_list'."
)


def read_karpathy(ann_file: Path, img_root: str) -> Iterator[ImageRecord]:
    """One record an image. ``image_id`` is ``cocoid`` where the file has it, else the file name without its ending."""
    for entry in json_entries(ann_file, load_json(ann_file), 'images', _REMEDY):
        name = entry.take_path('filename', _REMEDY)
        folder = entry.take('filepath', str, _REMEDY) if 'filepath' in entry.data else ''
        captions = [
            entry.child('sentences', number, sentence).take('raw', str, _REMEDY, whole=False)
            for number, sentence in enumerate(entry.take('sentences', list, _REMEDY))
        ]
        image_id = entry.take_id('cocoid', _REMEDY) if 'cocoid' in entry.data else Path(name).stem
        split = entry.take('split', str, _REMEDY).strip()
        yield ImageRecord(os.path.join(img_root, folder, name), image_id, captions, split, entry)
