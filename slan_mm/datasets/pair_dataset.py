"""Image-text pairs for pre-training."""

from typing import Any

import numpy as np

from slan_mm.datasets.caption_dataset import CaptionDataset
from slan_mm.datasets.readers import ImageRecord
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class PairDataset(CaptionDataset):
    """Image-text pairs from files: one item a pair, or one an image with a caption drawn each epoch.

    An item's data sample carries ``text`` (one caption), ``image_id`` (shared by the captions of one image, so that
    they are never each other's negatives), ``sample_id`` ('<image_id>#<number of the caption>') and ``img_path``.

    Args:
        ann_file: See ``ImageTextDataset``.
        format: See ``CaptionDataset``.
        sample: 'caption': an item is an (image, caption) pair. 'image': an item is an image with one of its captions,
            drawn by (seed, epoch, index).
        max_words: See ``CaptionDataset``.
        kwargs: See ``CaptionDataset`` and ``ImageTextDataset``.
    """

    def __init__(
        self, ann_file: str, format: str, sample: str = 'caption', max_words: int | None = 30, **kwargs: Any
    ) -> None:
        if sample not in ('caption', 'image'):
            raise ValueError(f"sample must be 'caption' or 'image', got {sample!r}")
        self.sample = sample
        super().__init__(ann_file=ann_file, format=format, max_words=max_words, **kwargs)

    def items_of(self, record: ImageRecord) -> list[dict]:
        """One entry a caption, or one an image with all its captions."""
        image_id = self.id_prefix + record.image_id
        common = {'img_path': record.img_path, 'image_id': image_id}
        if self.sample == 'image':
            return [{**common, 'captions': record.captions}]
        return [
            {**common, 'sample_id': f'{image_id}#{number}', 'text': caption}
            for number, caption in enumerate(record.captions)
        ]

    def make_results(self, info: dict, rng: np.random.Generator) -> dict:
        """Draws the caption where items are images."""
        if self.sample == 'image':
            captions = info.pop('captions')
            number = int(rng.integers(len(captions)))
            info.update(sample_id=f'{info["image_id"]}#{number}', text=captions[number])
        return info
