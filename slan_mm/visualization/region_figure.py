"""Pictures with their captions: each phrase and its boxes in one colour."""

from collections.abc import Sequence

from slan_mm.visualization.canvas import GREY, INK, RULE, Canvas, fit, text_width
from slan_mm.visualization.caption import PHRASE_COLORS, Layout, layout
from slan_mm.visualization.records import DrawnPicture

MARGIN = 22.0
GAP = 18.0  # between columns
_TALLEST = 1.25  # of a picture, in widths of its column
_DOTS = (0, (1.2, 1.3))
_DASHES = (0, (4.2, 2.2))
_KEYS = {
    'answer': ('solid', 'answer, after the last level'),
    'start': (_DOTS, 'best region before any adaptor'),
    'gold': (_DASHES, 'gold box, never seen in training'),
}


def draw_regions(
    pictures: Sequence[DrawnPicture],
    title: str = '',
    subtitle: str = '',
    columns: int = 4,
    column_width: float = 176.0,
    show_start: bool = True,
    show_gold: bool = True,
) -> Canvas:
    """A grid of pictures, each over its caption.

    A phrase's colour is that of its letters' ground and of its boxes: the answer solid, its best region before any
    adaptor dotted, gold dashed. A key under the grid says so. Where gold is drawn, the IoU of each answer with the
    best of its gold boxes stands under the caption.

    Args:
        pictures: What to draw; at least one.
        title: Over the grid.
        subtitle: Under the title, smaller.
        columns: Pictures in a row.
        column_width: Of a picture and its caption, in points.
        show_start: Draw the boxes before any adaptor, where known.
        show_gold: Draw gold boxes, where known.

    Raises:
        ValueError: There is no picture.
    """
    if not pictures:
        raise ValueError('there is no picture to draw')
    columns = min(columns, len(pictures))
    kinds = _kinds(pictures, show_start, show_gold)
    grid = columns * column_width + (columns - 1) * GAP
    inner = max([grid, *(_key_width(kind) for kind in kinds)])
    captions = [layout(p.text, column_width, spans=[phrase.spans for phrase in p.phrases]) for p in pictures]
    sizes = [fit(p.shape, column_width, _TALLEST * column_width) for p in pictures]
    rows = [range(first, min(first + columns, len(pictures))) for first in range(0, len(pictures), columns)]
    picture_heights = [max(sizes[i][1] for i in row) for row in rows]
    overlaps = [_overlaps(picture, column_width) if 'gold' in kinds else [] for picture in pictures]
    under = [14.0 * (1 + max((line for _, line, _, _ in marks), default=-1)) for marks in overlaps]
    caption_heights = [max(captions[i].height + under[i] for i in row) for row in rows]

    heading = [layout(title, inner, 13.0, weight='bold'), layout(subtitle, inner, 9.0)]
    head = sum(part.height for part in heading) + (8 if title or subtitle else 0)
    keys = _keys_in_lines(kinds, inner)
    body = sum(picture_heights) + sum(caption_heights) + len(rows) * 6 + (len(rows) - 1) * GAP
    canvas = Canvas(inner + 2 * MARGIN, MARGIN * 2 + head + body + 16 + 15 * len(keys))

    y = _draw_heading(canvas, heading) + (8 if title or subtitle else 0)
    for row, picture_height, caption_height in zip(rows, picture_heights, caption_heights, strict=True):
        for column, index in enumerate(row):
            x = MARGIN + column * (column_width + GAP)
            width, height = sizes[index]
            place = (x + (column_width - width) / 2, y + (picture_height - height) / 2, width, height)
            _draw_picture(canvas, pictures[index], place, kinds)
            captions[index].draw(canvas, x, y + picture_height + 6)
            baseline = y + picture_height + 6 + captions[index].height + 11
            for offset, line, overlap, color in overlaps[index]:
                weight = 'normal' if color == GREY else 'bold'
                canvas.text(x + offset, baseline + 14 * line, overlap, 8.0, color, weight)
        y += picture_height + 6 + caption_height + GAP
    _draw_keys(canvas, keys, y - GAP + 12)
    return canvas


def _draw_heading(canvas: Canvas, heading: Sequence[Layout]) -> float:
    y = MARGIN
    heading[0].draw(canvas, MARGIN, y, INK, 'bold')
    y += heading[0].height
    heading[1].draw(canvas, MARGIN, y, GREY)
    return y + heading[1].height


def _kinds(pictures: Sequence[DrawnPicture], show_start: bool, show_gold: bool) -> list[str]:
    """The kinds of boxes that will be seen."""
    phrases = [phrase for picture in pictures for phrase in picture.phrases]
    kinds = ['answer'] if phrases else []
    if show_start and any(phrase.start is not None for phrase in phrases):
        kinds.append('start')
    if show_gold and any(phrase.gold is not None and len(phrase.gold) for phrase in phrases):
        kinds.append('gold')
    return kinds


def _draw_picture(
    canvas: Canvas, picture: DrawnPicture, place: tuple[float, float, float, float], kinds: Sequence[str]
) -> None:
    x, y, width, height = place
    canvas.image(picture.image, x, y, width, height)
    scale_x, scale_y = width / picture.shape[1], height / picture.shape[0]

    def corners(box: Sequence[float], inset: float = 0.0) -> tuple[float, float, float, float]:
        left, upper, right, lower = (float(value) for value in box)
        inset = max(min(inset, (right - left) * scale_x / 3, (lower - upper) * scale_y / 3), 0.0)
        return (
            x + left * scale_x + inset,
            y + upper * scale_y + inset,
            x + right * scale_x - inset,
            y + lower * scale_y - inset,
        )

    colored = [(phrase, PHRASE_COLORS[n % len(PHRASE_COLORS)]) for n, phrase in enumerate(picture.phrases)]
    for phrase, color in colored:
        if 'start' in kinds and phrase.start is not None:
            canvas.box(corners(phrase.start), color, 1.5, _DOTS)
        if 'gold' in kinds and phrase.gold is not None:
            for box in phrase.gold:
                canvas.box(corners(box), color, 1.3, _DASHES)
    # Answers last, so that they lie above all others; where two fall together, the later one goes inside the earlier.
    drawn: list[tuple[float, ...]] = []
    for phrase, color in colored:
        place = corners(phrase.answer)
        same = sum(max(abs(a - b) for a, b in zip(place, other, strict=True)) < 3 for other in drawn)
        drawn.append(place)
        canvas.box(corners(phrase.answer, 3.4 * same), color, 2.3, 'solid')


def _overlaps(picture: DrawnPicture, width: float) -> list[tuple[float, int, str, str]]:
    """What stands under a caption, as (x, line, text, colour): 'IoU', and of each answer its IoU with gold."""
    x, line = text_width('IoU', 8.0) + 6, 0
    marks = [(0.0, 0, 'IoU', GREY)]
    for number, phrase in enumerate(picture.phrases):
        if phrase.gold is None or not len(phrase.gold):
            continue
        overlap = f'{max(_iou(phrase.answer, box) for box in phrase.gold):.2f}'.removeprefix('0')
        needed = text_width(overlap, 8.0, 'bold')
        if x + needed > width:
            x, line = marks[0][0], line + 1
        marks.append((x, line, overlap, PHRASE_COLORS[number % len(PHRASE_COLORS)]))
        x += needed + 7
    return marks if len(marks) > 1 else []


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return float(width * height / union) if union > 0 else 0.0


def _key_width(kind: str) -> float:
    return 36 + text_width(_KEYS[kind][1], 8.5)


def _keys_in_lines(kinds: Sequence[str], width: float) -> list[list[tuple[float, str]]]:
    """The key's entries as (x, kind), as many to a line as fit."""
    lines: list[list[tuple[float, str]]] = []
    x = width
    for kind in kinds:
        needed = _key_width(kind)
        if not lines or x + needed > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, kind))
        x += needed + 24
    return lines


def _draw_keys(canvas: Canvas, lines: list[list[tuple[float, str]]], y: float) -> None:
    if not lines:
        return
    canvas.line(MARGIN, canvas.width - MARGIN, y, RULE)
    for number, line in enumerate(lines):
        baseline = y + 16 + 15 * number
        for x, kind in line:
            style, label = _KEYS[kind]
            canvas.line(MARGIN + x + 1, MARGIN + x + 28, baseline - 3, INK, 2.3 if kind == 'answer' else 1.5, style)
            canvas.text(MARGIN + x + 36, baseline, label, 8.5, GREY)
