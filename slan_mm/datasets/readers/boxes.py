"""Boxes, spans and sizes in annotation files: one measure of what they are, for all readers."""

from collections.abc import Sequence
from typing import Any

from slan_mm.datasets.readers.entry import Entry
from slan_mm.plain_text import short

#: Pixels that a box may reach over the border: annotations count from 0 or from 1, and round.
MAX_OVER = 2.0
#: The longest side of an image, in pixels.
MAX_SIDE = 10**6
#: A number beyond this is no coordinate, and sums of such would be infinite.
_MOST = 1e30
#: What is done with boxes that are none: see ``GroundingDataset``.
POLICIES = ('error', 'drop')


def finite_numbers(box: Any) -> bool:
    """Whether ``box`` is a list of four finite numbers; true and false are none."""
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(type(side) in (int, float) and abs(side) <= _MOST for side in box)
    )


def corners(box: Any) -> Any:
    """[x, y, width, height] as [x1, y1, x2, y2]; what is not four numbers as it is, for :func:`wrong_box` to tell."""
    if not finite_numbers(box):
        return box
    x, y, width, height = map(float, box)
    return [x, y, x + width, y + height]


def wrong_box(box: Any) -> str | None:
    """What makes ``box`` no box [x1, y1, x2, y2], in words; None where it is one."""
    if not finite_numbers(box):
        return f'box {short(box)} is not four finite numbers'
    if not (box[0] < box[2] and box[1] < box[3]):
        return f'box {box} (x1, y1, x2, y2) has no area'
    return None


def pixels_over(box: Sequence[float], size: tuple[int, int]) -> float:
    """How many pixels ``box`` [x1, y1, x2, y2] reaches out of an image of ``size`` (height, width)."""
    return max(-box[0], -box[1], box[2] - size[1], box[3] - size[0])


def pixels(entry: Entry, name: str, remedy: str) -> int:
    """The field ``name``, a number of pixels; it may stand there as text, as in MDETR's own files."""
    value = entry.take(name, (int, float, str), remedy)
    try:
        return int(value)
    except (ValueError, OverflowError):
        entry.fail(f'field {name!r} should be a number of pixels, got {short(value)}', remedy)


def list_of_spans(entry: Entry, spans: Any, remedy: str) -> list[list[int]]:
    """``spans``, checked to be a list of [start, end], whole numbers."""
    pairs = isinstance(spans, list) and all(
        isinstance(span, list) and len(span) == 2 and all(type(value) is int for value in span) for span in spans
    )
    if not pairs:
        entry.fail(f'{short(spans)} is no list of spans [start, end]', remedy)
    return [list(span) for span in spans]
