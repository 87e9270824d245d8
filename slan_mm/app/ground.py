"""Grounding: where in a picture the words of a text are, level by level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slan_mm.app.messages import read_text, told
from slan_mm.app.models import AppModel
from slan_mm.app.pictures import SHOWN, read_upload
from slan_mm.datasets.noun_phrases import mark_phrases
from slan_mm.visualization import trace_items
from slan_mm.visualization.html import Box, chip, note_html, picture_html, table_html, text_html
from slan_mm.visualization.jpeg import from_jpeg, shrink, to_jpeg
from slan_mm.visualization.paper_figures import heat

#: The choice of boxes and of a map that shows the answer itself.
BEST, NO_MAP = 'best of each phrase', 'none'


@dataclass(frozen=True)
class Grounded:
    """An answer, small enough to keep for as long as a user looks at it.

    - ``jpeg``: the picture as it is shown; ``size``: (height, width) that boxes refer to.
    - ``spans``: the characters of each phrase; ``ranked``: of each phrase, of each level 0..L, its boxes (n, 4), best
      first, and their scores (n,).
    - ``words``: characters of each word; ``maps`` (W, H', W'): their activation maps.
    - ``present`` (N,): the probability that each phrase's thing is there; None where the model does not tell.
    - ``unread``: what was not read, and why.
    """

    text: str
    jpeg: bytes
    size: tuple[int, int]
    spans: list
    ranked: list[list[tuple[np.ndarray, np.ndarray]]]
    words: list[tuple[int, int]]
    maps: np.ndarray
    present: np.ndarray | None
    unread: list[str]

    @property
    def last_level(self) -> int:
        """L, the number of adaptors."""
        return len(self.ranked[0]) - 1

    @property
    def phrases(self) -> list[str]:
        """The phrases as they are written, with their numbers where two are the same."""
        return _told_apart([' '.join(self.text[start:end] for start, end in runs) for runs in self.spans])

    @property
    def word_names(self) -> list[str]:
        """The words, with their numbers where two are the same."""
        return _told_apart([self.text[start:end] for start, end in self.words])


@told
def ground(model: AppModel, picture: str | None, text: str) -> Grounded:
    """Finds the phrases of ``text``, which brackets mark, or else its noun phrases, in the file ``picture``.

    Raises:
        AppError: There is no picture or no text, one cannot be read, or the model does not ground.
    """
    marked = mark_phrases(read_text(text))
    pixels = read_upload(picture)
    with model.lock:
        inferencer = model.inferencer('grounding')
        (item,) = inferencer.prepare(pixels, marked)
        (trace,) = trace_items(inferencer.model, [inferencer.pipeline(item)])
    return Grounded(
        text=trace.text,
        jpeg=to_jpeg(shrink(pixels, SHOWN)),
        size=pixels.shape[:2],
        spans=trace.spans,
        ranked=trace.ranked,
        words=trace.words,
        maps=trace.word_activation.astype(np.float16),
        present=trace.present,
        unread=trace.unread,
    )


def grounded_html(answer: Grounded, level: int | None = None, boxes: str = BEST, word: str = NO_MAP) -> tuple[str, str]:
    """The text over the picture with boxes; and the table of the boxes' scores.

    Args:
        answer: See above.
        level: 0, before any adaptor, to L; None: L.
        boxes: ``BEST``, or a phrase whose boxes are all shown.
        word: ``NO_MAP``, or a word whose activation map is laid over the picture.
    """
    level = answer.last_level if level is None else max(0, min(int(level), answer.last_level))
    where = 'before any adaptor' if level == 0 else f'after level {level} of {answer.last_level}'
    shown = _boxes(answer, level, boxes)
    jpeg, notes = answer.jpeg, [f'Not read: {reason}' for reason in answer.unread]
    if word in answer.word_names:
        own: np.ndarray = answer.maps[answer.word_names.index(word)].astype(np.float32)
        jpeg = to_jpeg(heat(from_jpeg(jpeg), own))
        scale = f'{own.min():.2f} (dark) to {own.max():.2f} (bright)'
        notes.insert(0, f'Map of "{word}": from {scale}, on a scale of its own.')
    heads = ['phrase', 'score', 'x1, y1, x2, y2']
    rows = [
        [chip(box.label, box.phrase), f'{box.score:.3f}', ', '.join(f'{value:.0f}' for value in box.corners)]
        for box in shown
    ]
    if answer.present is not None:
        heads.insert(1, 'present')
        for box, row in zip(shown, rows, strict=True):
            row.insert(1, f'{answer.present[box.phrase]:.2f}')
    picture = picture_html(jpeg, answer.size, shown, f'Boxes {where}')
    return (
        text_html(answer.text, answer.spans) + picture + ''.join(map(note_html, notes)),
        table_html(f'Boxes {where}', heads, rows),
    )


def _told_apart(names: list[str]) -> list[str]:
    return [name if names.count(name) == 1 else f'{name} ({number})' for number, name in enumerate(names, 1)]


def _boxes(answer: Grounded, level: int, which: str) -> list[Box]:
    names = answer.phrases
    numbers = [names.index(which)] if which in names else range(len(names))
    most = None if which in names else 1
    return [
        Box(corners.tolist(), number, names[number], float(score), best=place == 0)
        for number in numbers
        for place, (corners, score) in enumerate(
            zip(*(part[:most] for part in answer.ranked[number][level]), strict=True)
        )
    ]
