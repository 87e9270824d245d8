"""What all pages of pictures have in common: margins, headings, keys, and boxes of a picture put on the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from slan_mm.visualization.caption import Layout, layout
from slan_mm.visualization.drawing import GREY, INK, RULE, Canvas, text_width

MARGIN = 22.0
GAP = 18.0  # between columns
SOLID = 'solid'
DOTS = (0, (1.2, 1.3))
DASHES = (0, (4.2, 2.2))
_NESTED = 3.4  # by how much a box that falls on another goes inside it, in points

#: (left, upper, width, height) in points, where a picture stands on the page.
Place = tuple[float, float, float, float]


@dataclass(frozen=True)
class KeyEntry:
    """A line of the key under a page: how something is drawn, and what it is."""

    label: str
    style: str | tuple = SOLID
    linewidth: float = 1.5
    color: str = INK

    @property
    def width(self) -> float:
        """Of its line and its label, in points."""
        return 36 + text_width(self.label, 8.5)


def two_digits(value: float) -> str:
    """``value`` with two digits; a zero has no sign."""
    return f'{round(float(value), 2) + 0.0:.2f}'


def heading_of(
    title: str, subtitle: str, width: float, spans: Sequence[Sequence[Sequence[int]]] = ()
) -> tuple[list[Layout], float]:
    """Title (``spans``: its phrases) and subtitle in lines, and the height they take, the space under them included."""
    heading = [layout(title, width, 13.0, spans, weight='bold'), layout(subtitle, width, 9.0)]
    return heading, sum(part.height for part in heading) + (8 if title or subtitle else 0)


def draw_heading(canvas: Canvas, heading: Sequence[Layout]) -> None:
    """Draws :func:`heading_of` at the top of the page."""
    heading[0].draw(canvas, MARGIN, MARGIN, INK, 'bold')
    heading[1].draw(canvas, MARGIN, MARGIN + heading[0].height, GREY)


def key_lines(entries: Sequence[KeyEntry], width: float) -> list[list[tuple[float, KeyEntry]]]:
    """The key's entries as (x, entry), as many to a line as fit."""
    lines: list[list[tuple[float, KeyEntry]]] = []
    x = width
    for entry in entries:
        if not lines or x + entry.width > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, entry))
        x += entry.width + 24
    return lines


def draw_key(canvas: Canvas, lines: Sequence[Sequence[tuple[float, KeyEntry]]], y: float) -> None:
    """Draws :func:`key_lines` under a rule at ``y``."""
    if not lines:
        return
    canvas.line(MARGIN, canvas.width - MARGIN, y, RULE)
    for number, line in enumerate(lines):
        baseline = y + 16 + 15 * number
        for x, entry in line:
            left = MARGIN + x
            canvas.line(left + 1, left + 28, baseline - 3, entry.color, entry.linewidth, entry.style)
            canvas.text(left + 36, baseline, entry.label, 8.5, GREY)


def on_page(box: Sequence[float], shape: tuple[float, float], place: Place, inset: float = 0.0) -> Place:
    """Corners (left, upper, right, lower) in points of ``box``, absolute xyxy in a picture of ``shape`` at ``place``.

    ``inset`` makes it smaller by so many points a side, but never turns it inside out.
    """
    x, y, width, height = place
    scale_x, scale_y = width / shape[1], height / shape[0]
    left, upper, right, lower = (float(value) for value in box)
    inset = max(min(inset, (right - left) * scale_x / 3, (lower - upper) * scale_y / 3), 0.0)
    return (
        x + left * scale_x + inset,
        y + upper * scale_y + inset,
        x + right * scale_x - inset,
        y + lower * scale_y - inset,
    )


def nested(boxes: Sequence[Sequence[float]], shape: tuple[float, float], place: Place) -> list[Place]:
    """:func:`on_page` of several boxes; where two fall together, the later one goes inside the earlier."""
    outer: list[Place] = []
    result = []
    for box in boxes:
        corners = on_page(box, shape, place)
        same = sum(max(abs(a - b) for a, b in zip(corners, other, strict=True)) < 3 for other in outer)
        outer.append(corners)
        result.append(on_page(box, shape, place, _NESTED * same))
    return result
