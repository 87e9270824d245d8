"""Pictures with their captions: each phrase and its boxes in one colour."""

from collections.abc import Sequence

from slan_mm.evaluation.functional import best_iou
from slan_mm.visualization.caption import PHRASE_COLORS, layout
from slan_mm.visualization.drawing import GREY, Canvas, fit, text_width
from slan_mm.visualization.page_layout import (
    DASHES,
    DOTS,
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
    two_digits,
)
from slan_mm.visualization.records import DrawnPicture

_TALLEST = 1.25  # of a picture, in widths of its column
_KEYS = {
    'answer': KeyEntry('answer, after the last level', linewidth=2.3),
    'further': KeyEntry('its further answers', linewidth=1.2),
    'start': KeyEntry('best region before any adaptor', DOTS),
    'gold': KeyEntry('gold box, never seen in training', DASHES),
}


def draw_regions(
    pictures: Sequence[DrawnPicture],
    title: str = '',
    subtitle: str = '',
    columns: int = 4,
    column_width: float = 176.0,
    show_start: bool = True,
    show_gold: bool = True,
    title_spans: Sequence[Sequence[Sequence[int]]] = (),
) -> Canvas:
    """A grid of pictures, each over its caption.

    A phrase's colour is that of its letters' ground and of its boxes: the best answer solid, further ones thinner, its
    best region before any adaptor dotted, gold dashed. A key under the grid says so. Under the caption stand the
    answers' scores, where known, and where gold is drawn the IoU of each best answer with the best of its gold boxes.

    Args:
        pictures: What to draw; at least one.
        title: Over the grid.
        subtitle: Under the title, smaller.
        columns: Pictures in a row.
        column_width: Of a picture and its caption, in points.
        show_start: Draw the boxes before any adaptor, where known.
        show_gold: Draw gold boxes, where known.
        title_spans: Of the phrases that all pictures share, the runs of characters in ``title``.

    Raises:
        ValueError: There is no picture.
    """
    if not pictures:
        raise ValueError('there is no picture to draw')
    columns = min(columns, len(pictures))
    kinds = _kinds(pictures, show_start, show_gold)
    grid = columns * column_width + (columns - 1) * GAP
    inner = max([grid, *(_KEYS[kind].width for kind in kinds)])
    captions = [layout(p.text, column_width, spans=[phrase.spans for phrase in p.phrases]) for p in pictures]
    sizes = [fit(p.shape, column_width, _TALLEST * column_width) for p in pictures]
    rows = [range(first, min(first + columns, len(pictures))) for first in range(0, len(pictures), columns)]
    picture_heights = [max(sizes[i][1] for i in row) for row in rows]
    numbers = [_numbers(picture, column_width, 'gold' in kinds) for picture in pictures]
    under = [14.0 * (1 + max((line for _, line, _, _ in marks), default=-1)) for marks in numbers]
    caption_heights = [max(captions[i].height + under[i] for i in row) for row in rows]

    heading, head = heading_of(title, subtitle, inner, title_spans)
    keys = key_lines([_KEYS[kind] for kind in kinds], inner)
    body = sum(picture_heights) + sum(caption_heights) + len(rows) * 6 + (len(rows) - 1) * GAP
    canvas = Canvas(inner + 2 * MARGIN, MARGIN * 2 + head + body + 16 + 15 * len(keys))

    draw_heading(canvas, heading)
    y = MARGIN + head
    for row, picture_height, caption_height in zip(rows, picture_heights, caption_heights, strict=True):
        for column, index in enumerate(row):
            x = MARGIN + column * (column_width + GAP)
            width, height = sizes[index]
            place = (x + (column_width - width) / 2, y + (picture_height - height) / 2, width, height)
            _draw_picture(canvas, pictures[index], place, kinds)
            captions[index].draw(canvas, x, y + picture_height + 6)
            baseline = y + picture_height + 6 + captions[index].height + 11
            for offset, line, number, color in numbers[index]:
                weight = 'normal' if color == GREY else 'bold'
                canvas.text(x + offset, baseline + 14 * line, number, 8.0, color, weight)
        y += picture_height + 6 + caption_height + GAP
    draw_key(canvas, keys, y - GAP + 12)
    return canvas


def _kinds(pictures: Sequence[DrawnPicture], show_start: bool, show_gold: bool) -> list[str]:
    """The kinds of boxes that will be seen."""
    phrases = [phrase for picture in pictures for phrase in picture.phrases]
    kinds = ['answer'] if phrases else []
    if any(len(phrase.answers) > 1 for phrase in phrases):
        kinds.append('further')
    if show_start and any(phrase.start is not None for phrase in phrases):
        kinds.append('start')
    if show_gold and any(phrase.gold is not None and len(phrase.gold) for phrase in phrases):
        kinds.append('gold')
    return kinds


def _draw_picture(canvas: Canvas, picture: DrawnPicture, place: Place, kinds: Sequence[str]) -> None:
    canvas.image(picture.image, *place)
    colored = [(phrase, PHRASE_COLORS[n % len(PHRASE_COLORS)]) for n, phrase in enumerate(picture.phrases)]
    for phrase, color in colored:
        if 'start' in kinds and phrase.start is not None and len(phrase.answers):
            canvas.box(on_page(phrase.start, picture.shape, place), color, 1.5, DOTS)
        if 'gold' in kinds and phrase.gold is not None:
            for box in phrase.gold:
                canvas.box(on_page(box, picture.shape, place), color, 1.3, DASHES)
    # Answers last and the best on top, so that they lie above all others.
    for phrase, color in colored:
        for box in phrase.answers[1:]:
            canvas.box(on_page(box, picture.shape, place), color, 1.2, 'solid')
    answered = [(phrase.answers[0], color) for phrase, color in colored if len(phrase.answers)]
    corners = nested([box for box, _ in answered], picture.shape, place)
    for (_, color), best in zip(answered, corners, strict=True):
        canvas.box(best, color, 2.3, 'solid')


def _numbers(picture: DrawnPicture, width: float, gold: bool) -> list[tuple[float, int, str, str]]:
    """What stands under a caption, as (x, line, text, colour): note, the answers' scores, and their IoU with gold."""
    scores, overlaps = [], []
    for number, phrase in enumerate(picture.phrases):
        color = PHRASE_COLORS[number % len(PHRASE_COLORS)]
        scores += [(two_digits(score), color) for score in (() if phrase.scores is None else phrase.scores)]
        if gold and phrase.gold is not None and len(phrase.gold) and len(phrase.answers):
            overlap = best_iou(phrase.answers[0], phrase.gold)
            overlaps.append((f'{overlap:.2f}'.removeprefix('0'), color))
    marks: list[tuple[float, int, str, str]] = [(0.0, 0, picture.note, GREY)] if picture.note else []
    for label, values in (('phrase score', scores), ('IoU', overlaps)):
        if not values:
            continue
        line = marks[-1][1] + 1 if marks else 0
        first = x = text_width(label, 8.0) + 6
        marks.append((0.0, line, label, GREY))
        for text, color in values:
            needed = text_width(text, 8.0, 'bold')
            if x + needed > width and x > first:
                x, line = first, line + 1
            marks.append((x, line, text, color))
            x += needed + 7
    return marks
