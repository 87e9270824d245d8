"""What was found: pictures for texts, and texts for pictures; the right ones are marked."""

from collections.abc import Sequence

from slan_mm.visualization.caption import layout
from slan_mm.visualization.drawing import GREY, INK, RULE, Canvas, fit, text_width
from slan_mm.visualization.records import ImageQuery, TextQuery, Thumbnail

GOLD = '#15803d'
MARGIN = 22.0
_THUMB = 78.0  # side of the square that a picture is fitted into
_GAP = 9.0
_QUERY = 168.0  # width of a text that asks
_TEXTS = 330.0  # width of texts that were found
_BETWEEN = 40.0  # the two halves
_ROW_GAP = 20.0
_SIZE = 8.8


def draw_retrieval(
    text_queries: Sequence[TextQuery], image_queries: Sequence[ImageQuery], title: str = '', subtitle: str = ''
) -> Canvas:
    """Left: texts, each with the pictures found for it. Right: pictures, each with the texts found for it.

    Gold pictures have a green frame, gold texts are green with a tick. Under each query stands the rank of its first
    gold candidate, which may lie beyond those shown.

    Raises:
        ValueError: There is no query.
    """
    if not text_queries and not image_queries:
        raise ValueError('there is no query to draw')
    shown = max((len(query.found) for query in text_queries), default=0)
    left_width = _QUERY + shown * (_THUMB + _GAP) + _GAP if text_queries else 0.0
    right_width = _THUMB + 2 * _GAP + _TEXTS if image_queries else 0.0
    inner = left_width + right_width + (_BETWEEN if text_queries and image_queries else 0)
    left = [_TextRow(query) for query in text_queries]
    right = [_ImageRow(query) for query in image_queries]
    heights = [
        max(row.height for side in (left, right) for row in side[number : number + 1])
        for number in range(max(len(left), len(right)))
    ]

    heading = [layout(title, inner, 13.0, weight='bold'), layout(subtitle, inner, 9.0)]
    head = sum(part.height for part in heading) + (10 if title or subtitle else 0)
    body = sum(heights) + (len(heights) - 1) * _ROW_GAP
    canvas = Canvas(inner + 2 * MARGIN, 2 * MARGIN + head + 30 + body)

    heading[0].draw(canvas, MARGIN, MARGIN, INK, 'bold')
    heading[1].draw(canvas, MARGIN, MARGIN + heading[0].height, GREY)
    y = MARGIN + head
    right_x = MARGIN + inner - right_width
    for x, width, name, side in ((MARGIN, left_width, 'Text → pictures', left), (right_x, right_width, '', right)):
        if side:
            canvas.text(x, y + 10, name or 'Picture → texts', 10.5, INK, 'bold')
            canvas.line(x, x + width, y + 18)
    y += 30
    for number, height in enumerate(heights):
        if number:
            canvas.line(MARGIN, MARGIN + left_width, y - _ROW_GAP / 2, RULE, 0.5)
            canvas.line(right_x, right_x + right_width, y - _ROW_GAP / 2, RULE, 0.5)
        for x, side in ((MARGIN, left), (right_x, right)):
            for row in side[number : number + 1]:
                row.draw(canvas, x, y)
        y += height + _ROW_GAP
    return canvas


def _verdict(rank: int, shown: int) -> tuple[str, str]:
    """What is said of the first right candidate's rank, and in which colour."""
    return f'gold at rank {rank}', GOLD if rank <= shown else GREY


def _draw_thumbnail(canvas: Canvas, picture: Thumbnail, x: float, y: float, gold: bool | None = None) -> None:
    """``picture`` centred in a square whose left upper corner is (x, y); ``gold`` None draws no frame."""
    width, height = fit(picture.shape, _THUMB, _THUMB)
    x, y = x + (_THUMB - width) / 2, y + (_THUMB - height) / 2
    canvas.image(picture.image, x, y, width, height)
    if gold:
        canvas.box((x - 1.2, y - 1.2, x + width + 1.2, y + height + 1.2), GOLD, 3.4, halo=False)


class _TextRow:
    def __init__(self, query: TextQuery) -> None:
        self.query = query
        self.caption = layout(query.text, _QUERY - 6, _SIZE, max_lines=6)
        self.height = max(self.caption.height + 16, _THUMB)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        self.caption.draw(canvas, x, y)
        verdict, color = _verdict(self.query.rank, len(self.query.found))
        canvas.text(x, y + self.caption.height + 11, verdict, 7.8, color)
        for place, (picture, gold) in enumerate(zip(self.query.found, self.query.gold, strict=True)):
            _draw_thumbnail(canvas, picture, x + _QUERY + _GAP + place * (_THUMB + _GAP), y, gold)


class _ImageRow:
    def __init__(self, query: ImageQuery) -> None:
        self.query = query
        weights = ['bold' if gold else 'normal' for gold in query.gold]
        self.texts = [
            layout(text, _TEXTS - 20, _SIZE, weight=weight, max_lines=2)
            for text, weight in zip(query.found, weights, strict=True)
        ]
        self.height = max(_THUMB + 16, sum(text.height for text in self.texts))

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        _draw_thumbnail(canvas, self.query.picture, x, y)
        verdict, color = _verdict(self.query.rank, len(self.query.found))
        canvas.text(x + (_THUMB - text_width(verdict, 7.8)) / 2, y + _THUMB + 12, verdict, 7.8, color)
        x += _THUMB + 2 * _GAP
        for number, (text, gold) in enumerate(zip(self.texts, self.query.gold, strict=True), start=1):
            mark, color = ('✓', GOLD) if gold else (str(number), GREY)
            weight = 'bold' if gold else 'normal'
            canvas.text(x, y + 1.17 * _SIZE, mark, _SIZE, color, weight)
            text.draw(canvas, x + 20, y, GOLD if gold else INK, weight)
            y += text.height
