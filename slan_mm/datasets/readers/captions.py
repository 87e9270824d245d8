"""One way into every caption format: ``read_captions``."""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from slan_mm.arguments import checked, list_of, one_of, optional, real, text
from slan_mm.datasets.readers.coco_captions import read_coco_captions
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.imagefolder import read_imagefolder
from slan_mm.datasets.readers.json_list import read_json_list
from slan_mm.datasets.readers.karpathy import read_karpathy
from slan_mm.datasets.readers.msrvtt import read_msrvtt
from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.datasets.readers.table import read_table
from slan_mm.datasets.real_folders import RealFolders
from slan_mm.plain_text import is_blank, is_whole, short

CAPTION_READERS: dict[str, Callable[..., Iterator[ImageRecord]]] = {
    'karpathy': read_karpathy,
    'coco_captions': read_coco_captions,
    'json_list': read_json_list,
    'table': read_table,
    'msrvtt': read_msrvtt,
    'imagefolder': read_imagefolder,
}
_LOOKED_FOR = 16  # images whose existence is checked when a file is read


def _letters(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'must be text, got {short(value)}')
    return value


@checked(
    format=one_of(*CAPTION_READERS),
    split=optional(list_of(text)),
    empty_captions=one_of('error', 'drop'),
    holdout=real(0, 1),
    # Further arguments of the formats' readers:
    **dict.fromkeys(('image_field', 'caption_field', 'ending', 'id_field', 'split_field', 'strip_prefix'), _letters),
    delimiter=optional(_letters),
)
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
        empty_captions: 'error' refuses a file with a caption that is empty or has half of a character (as where it
            was cut inside an emoji); 'drop' leaves such captions (and images with no other) out and logs how many.
        holdout: Where the file assigns an image to no split, this share of such images, chosen by a hash of the image
            id, is split 'val' and the others are 'train'. 0 leaves them without a split.
        options: Further arguments of the format's reader.

    Returns:
        One record an image, in the order of the file, each with at least one caption.

    Raises:
        FileNotFoundError: The file or the image folder is missing, or none of some sampled images is in the folder.
        AnnotationError: A field is missing or wrong, a caption is empty, an id is used for two images, an image has
            two ids or is in two splits, or the split is empty. The message names file and line.
        ValueError: An argument is not among its choices.
    """
    if holdout == 1:
        raise ValueError('holdout must be below 1, or nothing is left to train on')
    if unknown := set(options) - set(known := list(signature(CAPTION_READERS[format]).parameters)[2:]):
        raise ValueError(f'reader has no {sorted(unknown)} for format={format!r}; it may have {known}')
    check_image_root(img_root)
    wanted = None if split is None else {split} if isinstance(split, str) else set(split)
    images: dict[str, ImageRecord] = {}
    pictures = _Pictures()
    seen: Counter[str | None] = Counter()
    dropped, first_dropped = 0, ''
    for record in CAPTION_READERS[format](Path(ann_file), img_root, **options):
        if record.split is None and holdout:
            record.split = 'val' if unit_hash(record.image_id) < holdout else 'train'
        seen[record.split] += 1
        pictures.check(record)
        captions = _usable(record, empty_captions)
        if lost := len(record.captions) - len(captions):
            first_dropped = first_dropped or record.image_id
            dropped += lost
        if not captions or (wanted is not None and record.split not in wanted):
            continue
        record.captions = captions
        known_record = images.setdefault(record.image_id, record)
        if known_record is not record:
            known_record.captions.extend(captions)
    if dropped:
        print_log(
            f'{ann_file}: {dropped} captions that are empty or broken were left out, the first of image '
            f'{first_dropped!r}',
            'current',
            logging.WARNING,
        )
    if wanted is not None:
        _check_splits(ann_file, wanted, seen)
    if not images:
        raise AnnotationError(_nothing(ann_file, wanted, seen))
    records = list(images.values())
    check_some_images([record.img_path for record in records], img_root, ann_file)
    return records


class _Pictures:
    """What is known of the pictures of a file: each has one id and one split, and each id one picture.

    A picture is a name in a folder, however the path to the folder is written: 'a.jpg', './a.jpg' and 'x/../a.jpg' are
    one, also through links to folders and files. Copies under another name, hard links too, are pictures of their own.
    """

    def __init__(self) -> None:
        self._folders = RealFolders()
        self._ids: dict[str, str] = {}  # by picture
        self._seen: dict[str, tuple[str, str | None]] = {}  # path and split, by id

    def check(self, record: ImageRecord) -> None:
        """Raises AnnotationError: ``record`` contradicts an earlier one."""
        image_id, picture = record.image_id, self._picture(record.img_path)
        path, split = self._seen.setdefault(image_id, (record.img_path, record.split))
        if path != record.img_path and self._picture(path) != picture:
            record.entry.fail(
                f'image id {image_id!r} stands for two images, {path!r} and {record.img_path!r}',
                "Give every image an id of its own: samples of one id are never each other's negatives.",
            )
        if (known := self._ids.setdefault(picture, image_id)) != image_id:
            record.entry.fail(
                f'the image {record.img_path!r} has two ids, {known!r} and {image_id!r}',
                "Give it one, or its captions would be each other's negatives and might be in two splits. In json_list "
                "and table, reader=dict(id_field='') leaves the ids out and takes the path.",
            )
        if split != record.split:
            record.entry.fail(
                f'image {image_id!r} is in split {split!r} and in {record.split!r}',
                'Put all captions of an image into one split, or training sees what is to be tested.',
            )

    def _picture(self, path: str) -> str:
        picture = self._folders.place(path)
        return os.path.realpath(picture) if os.path.islink(picture) else picture


def check_image_root(img_root: str) -> None:
    """Raises FileNotFoundError where the image folder is missing."""
    if os.path.isfile(img_root):
        raise FileNotFoundError(f'The image folder {img_root!r} is a file.')
    if not os.path.isdir(img_root or '.'):
        raise FileNotFoundError(
            f'The image folder {img_root!r} does not exist: in a config, check data_root and data_prefix=dict(img=). '
            f'Or link your copy there: ln -s /your/images {img_root}'
        )


def check_some_images(paths: Sequence[str], img_root: str, ann_file: str | Path) -> None:
    """Raises FileNotFoundError where not one of some images, spread over the ``paths`` of ``ann_file``, exists.

    A single missing image is dealt with at run time; that all are missing says that the folder is the wrong one.
    """
    step = max(1, len(paths) // _LOOKED_FOR)
    looked_for = paths[::step]
    if not any(os.path.isfile(path) for path in looked_for):
        raise FileNotFoundError(
            f'{ann_file}: none of {len(looked_for)} images looked for exists, e.g. {looked_for[0]!r}. Is {img_root!r} '
            'the folder that the paths in this file start from? (In a config, strip_prefix of json_list and table '
            'takes a foreign prefix off the paths; tools/pseudo_label.py has --images.)'
        )


def unit_hash(text: str) -> float:
    """A number in [0, 1) that depends on ``text`` alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), 'big') / 2**48


def _usable(record: ImageRecord, empty_captions: str) -> list[str]:
    reasons = [_what_is_wrong(caption) for caption in record.captions]
    if empty_captions == 'error' and not record.captions:
        record.entry.fail(f'image {record.image_id!r} has no caption', "Write one, or set empty_captions='drop'.")
    if empty_captions == 'error' and any(reasons):
        number, reason = next((number, reason) for number, reason in enumerate(reasons) if reason)
        which = f'caption {number} of image {record.image_id!r}' if len(record.captions) > 1 else 'the caption'
        record.entry.fail(f'{which} {reason}', "Write or remove it, or set empty_captions='drop'.")
    return [caption.strip() for caption, reason in zip(record.captions, reasons, strict=True) if not reason]


def _what_is_wrong(caption: str) -> str | None:
    if is_blank(caption):
        return 'is empty'
    return None if is_whole(caption) else f'has half of a character ({short(caption)})'


def _check_splits(ann_file: str, wanted: set[str], seen: Counter) -> None:
    """Says what was not asked for; refuses a split that another one may mean."""
    others = {name: count for name, count in seen.items() if name not in wanted}
    for name, count in others.items():
        if name is not None and any(name.casefold() == other.casefold() for other in wanted):
            raise AnnotationError(
                f'{ann_file}: {count} entries are in split {name!r}, asked for is {sorted(wanted)}. Write both alike.'
            )
    if others and len(others) < len(seen):
        print_log(f'{ann_file}: split {sorted(wanted)} is used; entries of others: {others}', 'current')


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
