"""Rows of pictures that are to be compared: one text a row, one picture a step, level, map or method."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps

from slan_mm.visualization.caption import layout
from slan_mm.visualization.drawing import GREY, INK, Canvas, fit, text_width
from slan_mm.visualization.page_layout import (
    GAP,
    MARGIN,
    KeyEntry,
    Place,
    draw_heading,
    draw_key,
    heading_of,
    key_lines,
    nested,
    on_page,
)
from slan_mm.visualization.records import Numbers, Panel, PanelRow

#: Colour map of saliency and of word activation.
MAP = 'viridis'
_TALLEST = 1.25  # of a picture, in widths of its column
_BETWEEN = 12.0  # two panels of a row
_BAR = 18.0  # height of a colour bar and what stands at its ends
_LINE = 13.0  # height of a line of numbers
_SIZE = 8.0


def draw_panels(
    rows: Sequence[PanelRow],
    title: str = '',
    subtitle: str = '',
    key: Sequence[KeyEntry] = (),
    panel_width: float = 138.0,
) -> Canvas:
    """A page of rows; each has its text, its phrases in colours, over its pictures.

    Args:
        rows: What to draw; at least one, each with at least one panel.
        title: Over everything.
        subtitle: Under the title, smaller.
        key: What the lines of the boxes mean, under everything.
        panel_width: Of a picture, in points.

    Raises:
        ValueError: There is no row, or one is empty.
    """
    if not rows or not all(row.panels for row in rows):
        raise ValueError('there is no panel to draw')
    columns = max(len(row.panels) for row in rows)
    inner = max([columns * panel_width + (columns - 1) * _BETWEEN, *(entry.width for entry in key)])
    heading, head = heading_of(title, subtitle, inner)
    keys = key_lines(key, inner)
    drawn = [_Row(row, inner, panel_width) for row in rows]
    body = sum(row.height for row in drawn) + GAP * (len(drawn) - 1)
    under = 20 + 15 * len(keys) if keys else 0
    canvas = Canvas(inner + 2 * MARGIN, 2 * MARGIN + head + body + under)
    draw_heading(canvas, heading)
    y = MARGIN + head
    for row in drawn:
        row.draw(canvas, y)
        y += row.height + GAP
    draw_key(canvas, keys, y - GAP + 12)
    return canvas


class _Row:
    def __init__(self, row: PanelRow, width: float, panel_width: float) -> None:
        self.row, self.panel_width = row, panel_width
        self.text = layout(row.text, width, spans=row.spans)
        self.headings = [layout(panel.heading, panel_width, _SIZE, weight='bold') for panel in row.panels]
        self.captions = [layout(panel.text, panel_width, _SIZE, panel.spans) for panel in row.panels]
        self.numbers = [[_lines(numbers, panel_width) for numbers in panel.numbers] for panel in row.panels]
        self.sizes = [fit(panel.shape, panel_width, _TALLEST * panel_width) for panel in row.panels]
        self.heading_height = max(heading.height for heading in self.headings)
        self.picture_height = max(height for _, height in self.sizes)
        numbers = [_LINE * sum(len(lines) for lines in part) for part in self.numbers]
        self.bar = _BAR if any(panel.scale for panel in row.panels) else 0.0
        below = self.bar + max(caption.height + height for caption, height in zip(self.captions, numbers, strict=True))
        space = 4 if self.text.lines else 0
        self.top = self.text.height + space + self.heading_height
        self.height = self.top + 2 + self.picture_height + 4 + below

    def draw(self, canvas: Canvas, y: float) -> None:
        self.text.draw(canvas, MARGIN, y)
        for number, panel in enumerate(self.row.panels):
            x = MARGIN + number * (self.panel_width + _BETWEEN)
            heading = self.headings[number]
            heading.draw(canvas, x, y + self.top - heading.height, INK, 'bold')
            width, height = self.sizes[number]
            upper = y + self.top + 2
            place = (x + (self.panel_width - width) / 2, upper + (self.picture_height - height) / 2, width, height)
            _draw_picture(canvas, panel, place)
            upper += self.picture_height + 4
            if panel.scale:
                _draw_scale(canvas, panel.scale, x, upper, self.panel_width)
            upper += self.bar
            caption = self.captions[number]
            caption.draw(canvas, x, upper)
            baseline = upper + caption.height + 10
            for lines in self.numbers[number]:
                for line in lines:
                    for offset, text, color in line:
                        canvas.text(x + offset, baseline, text, _SIZE, color, 'normal' if color == GREY else 'bold')
                    baseline += _LINE


def _draw_picture(canvas: Canvas, panel: Panel, place: Place) -> None:
    canvas.image(panel.image, *place)
    inside = iter(nested([box.box for box in panel.boxes if box.nested], panel.shape, place))
    for box in panel.boxes:
        corners = next(inside) if box.nested else on_page(box.box, panel.shape, place)
        canvas.box(corners, box.color, box.linewidth, box.style, box.halo)


def _draw_scale(canvas: Canvas, ends: tuple[str, str], x: float, y: float, width: float) -> None:
    colors = colormaps[MAP](np.linspace(0, 1, 256))[None, :, :3]
    canvas.image((255 * colors).round().astype(np.uint8), x, y + 1, width, 5)
    low, high = ends
    canvas.text(x, y + 15, low, _SIZE, GREY)
    canvas.text(x + width - text_width(high, _SIZE), y + 15, high, _SIZE, GREY)


def _lines(numbers: Numbers, width: float) -> list[list[tuple[float, str, str]]]:
    """The label, in grey, and the numbers, each in its colour, as (x, text, colour), in lines that fit."""
    first = text_width(numbers.label, _SIZE) + 6
    lines = [[(0.0, numbers.label, GREY)]]
    x = first
    for text, color in numbers.values:
        needed = text_width(text, _SIZE, 'bold')
        if x + needed > width and len(lines[-1]) > 1:
            lines.append([])
            x = first
        lines[-1].append((x, text, color))
        x += needed + 7
    return lines
