"""One way into every caption format: ``read_captions``."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from slan_mm.datasets.readers.coco_captions import read_coco_captions
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.json_list import read_json_list
from slan_mm.datasets.readers.karpathy import read_karpathy
from slan_mm.datasets.readers.msrvtt import read_msrvtt
from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.datasets.readers.table import read_table

CAPTION_READERS: dict[str, Callable[..., Iterator[ImageRecord]]] = {
    'karpathy': read_karpathy,
    'coco_captions': read_coco_captions,
    'json_list': read_json_list,
    'table': read_table,
    'msrvtt': read_msrvtt,
}
_LOOKED_FOR = 16  # images whose existence is checked when a file is read


def read_captions(
    ann_file: str,
    img_root: str,
    format: str,
    split: str | Sequence[str] | None = None,
    empty_captions: str = 'error',
    holdout: float = 0.0,
    **options: Any,
) -> list[ImageRecord]:
    """Reads and checks a caption file.

    Args:
        ann_file: The annotation file.
        img_root: Folder of the images.
        format: A key of ``CAPTION_READERS``.
        split: The split, or splits, to keep; None keeps everything.
        empty_captions: 'error' refuses a file with an empty caption; 'drop' leaves empty captions (and images with
            no other) out and logs how many.
        holdout: Where the file assigns an image to no split, this share of such images, chosen by a hash of the image
            id, is split 'val' and the others are 'train'. 0 leaves them without a split.
        options: Further arguments of the format's reader.

    Returns:
        One record an image, in the order of the file, each with at least one caption.

    Raises:
        FileNotFoundError: The file or the image folder is missing, or none of some sampled images is in the folder.
        AnnotationError: A field is missing or wrong, a caption is empty, an id is used for two images, an image is
            in two splits, or the split is empty. The message names file and line.
        ValueError: An argument is not among its choices.
    """
    if format not in CAPTION_READERS:
        raise ValueError(f'format must be one of {sorted(CAPTION_READERS)}, got {format!r}')
    if empty_captions not in ('error', 'drop'):
        raise ValueError(f"empty_captions must be 'error' or 'drop', got {empty_captions!r}")
    if not 0 <= holdout < 1:
        raise ValueError(f'holdout must be in [0, 1), got {holdout}')
    check_image_root(img_root)
    wanted = None if split is None else {split} if isinstance(split, str) else set(split)
    images: dict[str, ImageRecord] = {}
    seen: Counter[str | None] = Counter()
    splits: dict[str, str | None] = {}
    dropped = 0
    for record in CAPTION_READERS[format](Path(ann_file), img_root, **options):
        if record.split is None and holdout:
            record.split = 'val' if unit_hash(record.image_id) < holdout else 'train'
        seen[record.split] += 1
        if (first := splits.setdefault(record.image_id, record.split)) != record.split:
            record.entry.fail(
                f'image {record.image_id!r} is in split {first!r} and in {record.split!r}',
                'Put all captions of an image into one split, or training sees what is to be tested.',
            )
        captions = _nonempty(record, empty_captions)
        dropped += len(record.captions) - len(captions)
        if not captions or (wanted is not None and record.split not in wanted):
            continue
        record.captions = captions
        known = images.setdefault(record.image_id, record)
        if known is not record:
            _check_same_image(known, record)
            known.captions.extend(captions)
    if dropped:
        print_log(f'{ann_file}: {dropped} empty captions were left out', 'current')
    if not images:
        raise AnnotationError(_nothing(ann_file, wanted, seen))
    records = list(images.values())
    check_some_images([record.img_path for record in records], img_root)
    return records


def check_image_root(img_root: str) -> None:
    """Raises FileNotFoundError where the image folder is missing."""
    if not os.path.isdir(img_root or '.'):
        raise FileNotFoundError(
            f'The image folder {img_root!r} does not exist. Check data_root and data_prefix=dict(img=...), or link '
            f'your copy there: ln -s /your/images {img_root}'
        )


def check_some_images(paths: Sequence[str], img_root: str) -> None:
    """Raises FileNotFoundError where not one of some images, spread over ``paths``, exists.

    A single missing image is dealt with at run time; that all are missing says that the folder is the wrong one.
    """
    step = max(1, len(paths) // _LOOKED_FOR)
    looked_for = paths[::step]
    if not any(os.path.isfile(path) for path in looked_for):
        raise FileNotFoundError(
            f'None of {len(looked_for)} images looked for exists, e.g. {looked_for[0]!r}. Is {img_root!r} the folder '
            'that the paths of the annotation file start from? (For json_list and table, strip_prefix takes a foreign '
            'prefix off the paths.)'
        )


def unit_hash(text: str) -> float:
    """A number in [0, 1) that depends on ``text`` alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), 'big') / 2**48


def _nonempty(record: ImageRecord, empty_captions: str) -> list[str]:
    captions = [caption.strip() for caption in record.captions if caption.strip()]
    if empty_captions == 'error' and not record.captions:
        record.entry.fail(f'image {record.image_id!r} has no caption', "Write one, or set empty_captions='drop'.")
    if empty_captions == 'error' and len(captions) < len(record.captions):
        number = next(i for i, caption in enumerate(record.captions) if not caption.strip())
        which = f'caption {number} of image {record.image_id!r}' if len(record.captions) > 1 else 'the caption'
        record.entry.fail(f'{which} is empty', "Write or remove it, or set empty_captions='drop'.")
    return captions


def _check_same_image(known: ImageRecord, record: ImageRecord) -> None:
    if known.img_path != record.img_path:
        record.entry.fail(
            f'image id {record.image_id!r} stands for two images, {known.img_path!r} and {record.img_path!r}',
            "Give every image an id of its own: samples of one id are never each other's negatives.",
        )


def _nothing(ann_file: str, wanted: set[str] | None, seen: Counter) -> str:
    if wanted is None or not seen:
        return f'{ann_file}: no captions in this file. Is it the right one?'
    if set(seen) == {None}:
        return (
            f'{ann_file}: split {sorted(wanted)} asked for, but this file has no splits. Leave split=None, or set '
            "holdout=0.1 to hold a tenth of the images out as split 'val'."
        )
    counts = {str(name): count for name, count in seen.items()}
    return f'{ann_file}: nothing in split {sorted(wanted)}. Entries by split: {counts}.'
