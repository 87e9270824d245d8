"""What the figures show: plain records, made by hand or by :mod:`slan_mm.visualization.collect`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class DrawnPhrase:
    """A phrase of a text and its boxes, all absolute xyxy in original pixels.

    - ``spans``: the phrase's characters [start, end) in the text; one or more runs.
    - ``answers``: (n, 4) its boxes after the last level, best first; n may be 0.
    - ``start``: (4,) its best box before any adaptor, or None.
    - ``gold``: (n, 4) the boxes it should have, or None where nobody knows them.
    - ``scores``: (n,) of the answers, or None where they are not shown.
    """

    spans: Sequence[Sequence[int]]
    answers: np.ndarray
    start: np.ndarray | None = None
    gold: np.ndarray | None = None
    scores: np.ndarray | None = None


@dataclass
class DrawnPicture:
    """A picture, its text, and where the text's phrases are.

    ``image`` (H, W, 3) uint8 RGB may have another size than ``shape``, the (height, width) in original pixels that the
    boxes refer to; it is stretched to it. ``note`` is a line under the text.
    """

    image: np.ndarray
    shape: tuple[float, float]
    text: str
    phrases: list[DrawnPhrase] = field(default_factory=list)
    note: str = ''


@dataclass
class Thumbnail:
    """A small picture: ``image`` (H, W, 3) uint8 RGB, shown with the proportions of ``shape`` (height, width)."""

    image: np.ndarray
    shape: tuple[float, float]


@dataclass
class TextQuery:
    """A text and the pictures found for it, best first; ``gold`` tells which are right, ``rank`` where the first is.

    ``right``: the picture that it belongs to.
    """

    text: str
    found: list[Thumbnail]
    gold: list[bool]
    rank: int
    right: Thumbnail | None = None


@dataclass
class ImageQuery:
    """A picture and the texts found for it, best first; ``gold`` and ``rank`` as for :class:`TextQuery`.

    ``right``: the first of the texts that belong to it.
    """

    picture: Thumbnail
    found: list[str]
    gold: list[bool]
    rank: int
    right: str = ''


@dataclass
class DrawnBox:
    """A box on a picture: absolute xyxy in original pixels, its colour, its line (see ``matplotlib``) and width.

    ``halo``: a white border sets it off from the picture. ``nested``: where it falls on another such box it goes
    inside.
    """

    box: Sequence[float]
    color: str
    style: str | tuple = 'solid'
    linewidth: float = 2.3
    halo: bool = True
    nested: bool = False


@dataclass
class Numbers:
    """A line of numbers under a picture: what they are, and each with its colour."""

    label: str
    values: list[tuple[str, str]]


@dataclass
class Panel:
    """A picture with boxes: ``heading`` stands over it; ``text`` with ``spans`` of phrases and ``numbers`` under it.

    ``scale``: under the picture a colour bar, and what stands at its two ends.
    ``image`` and ``shape`` as in :class:`DrawnPicture`. The number of a phrase in ``spans`` decides its colour; one
    without letters takes a colour all the same.
    """

    heading: str
    image: np.ndarray
    shape: tuple[float, float]
    boxes: list[DrawnBox] = field(default_factory=list)
    text: str = ''
    spans: Sequence[Sequence[Sequence[int]]] = ()
    numbers: list[Numbers] = field(default_factory=list)
    scale: tuple[str, str] | None = None


@dataclass
class PanelRow:
    """Panels side by side under a common text, whose phrases are ``spans``."""

    text: str
    spans: Sequence[Sequence[Sequence[int]]]
    panels: list[Panel]
