"""Answers as html: pictures with boxes, texts with coloured phrases, tables. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from slan_mm.visualization.caption import PHRASE_COLORS
from slan_mm.visualization.jpeg import data_uri


@dataclass(frozen=True)
class Box:
    """A box on a picture: xyxy in pixels of the picture, the number of its phrase, what it says, and its score.

    A box that is not the ``best``, or that is no answer but gold, has dashed lines. ``score``: None where it has none.
    """

    corners: Sequence[float]
    phrase: int
    label: str
    score: float | None = None
    best: bool = True


def color_of(phrase: int) -> str:
    """The colour of a phrase, of its words and of its boxes."""
    return PHRASE_COLORS[phrase % len(PHRASE_COLORS)]


def picture_html(jpeg: bytes, size: tuple[int, int], boxes: Sequence[Box], what: str) -> str:
    """A picture with boxes, as wide as there is room.

    Args:
        jpeg: The picture, of any size.
        size: (height, width) that the boxes refer to.
        boxes: See :class:`Box`.
        what: What the picture is, for those who do not see it; the boxes are added.
    """
    height, width = size
    shapes = ''.join(_shape(box) for box in sorted(boxes, key=lambda box: -1.0 if box.score is None else box.score))
    heard = '; '.join([what, *(f'{box.label} at {_place(box, size)}' for box in boxes if box.best)])
    return (
        f'<div class="slan-picture"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(heard)}">'
        f'<image href="{data_uri(jpeg)}" width="{width}" height="{height}" preserveAspectRatio="none"/>{shapes}'
        '</svg></div>'
    )


def _shape(box: Box) -> str:
    x1, y1, x2, y2 = box.corners
    place = f'x="{x1:.1f}" y="{y1:.1f}" width="{max(x2 - x1, 0):.1f}" height="{max(y2 - y1, 0):.1f}"'
    kind = 'best' if box.best else 'other'
    halo = f'<rect class="halo" {place}/>' if box.best else ''
    said = escape(box.label) + ('' if box.score is None else f', score {box.score:.3f}')
    return f'{halo}<rect class="{kind}" {place} stroke="{color_of(box.phrase)}"><title>{said}</title></rect>'


def _place(box: Box, size: tuple[int, int]) -> str:
    height, width = size
    x, y = (box.corners[0] + box.corners[2]) / 2 / width, (box.corners[1] + box.corners[3]) / 2 / height
    across = 'left' if x < 1 / 3 else 'right' if x > 2 / 3 else 'middle'
    return f'the {"top" if y < 1 / 3 else "bottom" if y > 2 / 3 else "middle"} {across}'


def text_html(text: str, spans: Sequence[Sequence[Sequence[int]]]) -> str:
    """A text, each phrase in its colour; ``spans``: of each phrase its characters [start, end)."""
    runs = sorted((start, end, number) for number, phrase in enumerate(spans) for start, end in phrase)
    parts, position = [], 0
    for start, end, number in runs:
        if start >= position:
            parts.append(escape(text[position:start]))
            parts.append(f'<mark style="background:{color_of(number)}">{escape(text[start:end])}</mark>')
            position = end
    return f'<p class="slan-text">{"".join(parts)}{escape(text[position:])}</p>'


def table_html(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its cells are texts, or :class:`Html`. Where it is wider than the screen it can be scrolled."""
    head = ''.join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = ''.join('<tr>' + ''.join(f'<td>{_cell(cell)}</td>' for cell in row) + '</tr>' for row in rows)
    above = f'<caption>{escape(caption)}</caption>' if caption else ''
    return (
        f'<div class="slan-wide"><table class="slan-table">{above}<thead><tr>{head}</tr>'
        f'</thead><tbody>{body}</tbody></table></div>'
    )


class Html(str):
    """A text that is html, for a cell of a table."""

    __slots__ = ()


def chip(text: str, phrase: int) -> Html:
    """A phrase in its colour."""
    return Html(f'<mark style="background:{color_of(phrase)}">{escape(text)}</mark>')


def _cell(cell: str) -> str:
    return cell if isinstance(cell, Html) else escape(cell)


def note_html(text: str) -> str:
    """A line that explains."""
    return f'<p class="slan-note">{escape(text)}</p>'
