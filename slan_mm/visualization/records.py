"""What the figures show: plain records, made by hand or by :mod:`slan_mm.visualization.collect`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class DrawnPhrase:
    """A phrase of a text and its boxes, all absolute xyxy in original pixels.

    - ``spans``: the phrase's characters [start, end) in the text; one or more runs.
    - ``answer``: (4,) its best box after the last level.
    - ``start``: (4,) its best box before any adaptor, or None.
    - ``gold``: (n, 4) the boxes it should have, or None where nobody knows them.
    """

    spans: Sequence[Sequence[int]]
    answer: np.ndarray
    start: np.ndarray | None = None
    gold: np.ndarray | None = None


@dataclass
class DrawnPicture:
    """A picture, its text, and where the text's phrases are.

    ``image`` (H, W, 3) uint8 RGB may have another size than ``shape``, the (height, width) in original pixels that the
    boxes refer to; it is stretched to it.
    """

    image: np.ndarray
    shape: tuple[float, float]
    text: str
    phrases: list[DrawnPhrase] = field(default_factory=list)


@dataclass
class Thumbnail:
    """A small picture: ``image`` (H, W, 3) uint8 RGB, shown with the proportions of ``shape`` (height, width)."""

    image: np.ndarray
    shape: tuple[float, float]


@dataclass
class TextQuery:
    """A text and the pictures found for it, best first; ``gold`` tells which are right, ``rank`` where the first is."""

    text: str
    found: list[Thumbnail]
    gold: list[bool]
    rank: int


@dataclass
class ImageQuery:
    """A picture and the texts found for it, best first; ``gold`` and ``rank`` as for :class:`TextQuery`."""

    picture: Thumbnail
    found: list[str]
    gold: list[bool]
    rank: int
