"""Data sets on caption files of any format."""

import logging
from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log

from slan_mm.datasets.caption_length import shorten
from slan_mm.datasets.image_text_dataset import ImageTextDataset
from slan_mm.datasets.readers import ImageRecord, read_captions


class CaptionDataset(ImageTextDataset):
    """An ``ImageTextDataset`` on a caption file of any format; the base of pairs and retrieval.

    Args:
        format: 'karpathy', 'coco_captions', 'json_list', 'table', 'msrvtt' or 'imagefolder'; see ``docs/data.md``.
        split: Split or splits to keep; None keeps all.
        split_else: Split to keep where the file has none of ``split``.
        max_words: Captions of more words (runs of non-space) are cut there, with a warning that counts them. None
            cuts nothing.
        empty_captions: 'error' refuses a file with an empty caption, 'drop' leaves them out.
        holdout: For files without splits: share of the images that are split 'val', by a hash of their ids; the others
            are 'train'.
        reader: Further arguments of the format's reader, e.g. ``dict(image_field='file')``.
        kwargs: See ``ImageTextDataset``.

    Raises:
        FileNotFoundError, AnnotationError: See ``read_captions``.
    """

    def __init__(
        self,
        ann_file: str,
        format: str,
        split: str | Sequence[str] | None = None,
        split_else: str | None = None,
        max_words: int | None = None,
        empty_captions: str = 'error',
        holdout: float = 0.0,
        reader: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if max_words is not None and max_words < 1:
            raise ValueError(f'max_words must be at least 1, got {max_words}')
        self.format = format
        self.split = split
        self.split_else = split_else
        self.max_words = max_words
        self.empty_captions = empty_captions
        self.holdout = holdout
        self.reader = dict(reader or {})
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Reads the file; one entry an image, as ``items_of`` tells."""
        records = self._read()
        cut = sum(self._shorten(record) for record in records)
        if cut:
            total = sum(len(record.captions) for record in records)
            print_log(
                f'{self.ann_file}: {cut} of {total} captions have more than {self.max_words} words and were cut',
                'current',
                logging.WARNING,
            )
        return [item for record in records for item in self.items_of(record)]

    def _read(self) -> list[ImageRecord]:
        file = (self.ann_file, self.img_root, self.format)
        cleaning = (self.empty_captions, self.holdout)
        if self.split_else is not None:
            every = read_captions(*file, None, *cleaning, **self.reader)
            if not any(record.split == self.split for record in every):
                print_log(f'{self.ann_file} has no split {self.split!r}: {self.split_else!r} is taken', 'current')
                self.split = self.split_else
        return read_captions(*file, self.split, *cleaning, **self.reader)

    def _shorten(self, record: ImageRecord) -> int:
        short = [shorten(caption, self.max_words) for caption in record.captions]
        cut = sum(new != old for new, old in zip(short, record.captions, strict=True))
        record.captions = short
        return cut

    def items_of(self, record: ImageRecord) -> list[dict]:
        """The entries of the data list that an image gives."""
        raise NotImplementedError
