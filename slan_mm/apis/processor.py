"""Turns a user's images and texts into batches as a data loader makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.dataset import pseudo_collate
from mmpretrain.structures import DataSample

from slan_mm.arguments import checked
from slan_mm.datasets.noun_phrases import mark_phrases
from slan_mm.datasets.pictures import Picture, list_pictures, picture_name, read_picture
from slan_mm.datasets.transforms import PackPairs, ResizeImage
from slan_mm.registry import PROCESSORS
from slan_mm.structures import MarkedText


@PROCESSORS.register_module()
class Processor:
    """Reads and resizes images, and finds the phrases of texts; a model's data preprocessor does the rest.

    Args:
        picture_size: (height, width) that images are resized to, as in training.
    """

    def __init__(self, picture_size: tuple[int, int]) -> None:
        self.picture_size = picture_size
        self._resize, self._pack = ResizeImage(picture_size), PackPairs()

    @checked
    def batches(self, pictures: Picture | Sequence[Picture], batch_size: int) -> Iterator[dict]:
        """Batches of at most ``batch_size`` images, in their order.

        Args:
            pictures: A path, an (H, W, 3) uint8 RGB array, a PIL image, several of these, or a folder.

        Raises:
            UnreadableImageError: An image cannot be read.
            ValueError: There is none.
        """
        items = picture_items(list_pictures(pictures))
        for start in range(0, len(items), batch_size):
            yield pseudo_collate([self._load(item) for item in items[start : start + batch_size]])

    @checked
    def phrases(self, picture: Picture, text: str) -> dict:
        """A batch of one image and the phrases of a text, see :func:`mark_phrases`.

        Raises:
            UnreadableImageError: The image cannot be read.
            ValueError: Brackets are wrong, or the text names nothing.
        """
        (item,) = picture_items([picture])
        return pseudo_collate([self._load(item | phrase_fields(mark_phrases(text)))])

    def pairs(self, pictures: Sequence[Picture], texts: Sequence[MarkedText]) -> dict:
        """A batch of row-wise images and texts whose phrases are marked.

        Raises:
            UnreadableImageError: An image cannot be read.
        """
        items = picture_items(pictures)
        return pseudo_collate([self._load(item | phrase_fields(text)) for item, text in zip(items, texts, strict=True)])

    def _load(self, item: dict) -> dict:
        image = read_picture(item['picture'])
        return self._pack(self._resize({**item, 'img': image, 'ori_shape': image.shape[:2]}))


def picture_items(pictures: Sequence[Picture]) -> list[dict]:
    """One item per image, with its names."""
    items = []
    for number, picture in enumerate(pictures):
        name = picture_name(picture, number)
        items.append(dict(picture=picture, img_path=name, image_id=name, sample_id=name))
    return items


def phrase_sample(marked: MarkedText, size: tuple[int, int], **meta: Any) -> DataSample:
    """The sample of an encoded image and the phrases of a text; ``size`` (height, width) in pixels."""
    sample = DataSample(metainfo=dict(meta, ori_shape=tuple(size)))
    sample.set_field(marked.text, 'text')
    sample.set_field([dict(spans=runs, boxes=None) for runs in marked.spans], 'phrases')
    return sample


def phrase_fields(marked: MarkedText) -> dict:
    """The fields of an item for a text: ``text``, and ``phrases`` to be located."""
    return dict(
        text=marked.text,
        phrases=[
            dict(spans=runs, boxes=[], category=None, phrase_id=f'{number}') for number, runs in enumerate(marked.spans)
        ],
    )
