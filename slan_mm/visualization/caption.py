"""Captions set in lines, each phrase a chip in its own colour."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from slan_mm.visualization.drawing import INK, Canvas, text_width

#: Colours of phrases, in turn. White letters are readable on each: contrast of 4.5 and more.
PHRASE_COLORS = ('#1864ab', '#c2255c', '#2b6e32', '#6741d9', '#b8430a', '#0b6b7a', '#862e9c', '#5c4813')
_PAD = 2.6  # of a chip, left and right of its letters, in points
_LEADING = 1.62  # distance of two baselines, in font sizes

#: A letter and the number of the phrase it belongs to, or None.
Letter = tuple[str, int | None]


@dataclass
class Run:
    """Letters of one line that belong together; ``phrase`` is None for plain text; ``x``, ``width`` in points."""

    text: str
    phrase: int | None
    x: float
    width: float


@dataclass
class Layout:
    """A caption in lines of runs, each run placed within its line."""

    lines: list[list[Run]]
    size: float

    @property
    def height(self) -> float:
        """Height of all lines in points, chips included."""
        return len(self.lines) * self.size * _LEADING

    @property
    def width(self) -> float:
        """Width of the longest line in points."""
        return max((line[-1].x + line[-1].width for line in self.lines), default=0.0)

    def draw(self, canvas: Canvas, x: float, y: float, color: str = INK, weight: str = 'normal') -> None:
        """Draws the caption with its left upper corner at (x, y)."""
        for number, line in enumerate(self.lines):
            baseline = y + self.size * (1.17 + number * _LEADING)
            for run in line:
                if run.phrase is None:
                    canvas.text(x + run.x, baseline, run.text, self.size, color, weight)
                    continue
                fill = PHRASE_COLORS[run.phrase % len(PHRASE_COLORS)]
                canvas.chip(x + run.x, baseline - 1.07 * self.size, run.width, 1.44 * self.size, fill)
                canvas.text(x + run.x + _PAD, baseline, run.text, self.size, 'white', 'bold')


def layout(
    text: str,
    width: float,
    size: float = 9.0,
    spans: Sequence[Sequence[Sequence[int]]] = (),
    weight: str = 'normal',
    max_lines: int | None = None,
) -> Layout:
    """Sets ``text`` in lines no longer than ``width`` points.

    Args:
        text: The caption. Lines break at white space, if possible not within a phrase; a word longer than a line is
            broken anywhere.
        width: See above.
        size: Font size in points.
        spans: Of each phrase its runs of characters [start, end) in ``text``. Where two phrases share a letter it
            takes the colour of the first.
        weight: Of plain text; phrases are bold.
        max_lines: Lines after this many are left out, and '…' ends the last.
    """

    def measured(letters: list[Letter]) -> float:
        return sum(run.width for run in _runs(letters, size, weight))

    lines: list[list[Letter]] = []
    line: list[Letter] = []
    for space, word in _pieces(_words(text, spans), lambda letters: measured(letters) <= width):
        if line and measured([*line, space, *word]) <= width:
            line = [*line, space, *word]
            continue
        if line:
            lines.append(line)
        line = word
        while len(line) > 1 and measured(line) > width:
            cut = max((n for n in range(1, len(line)) if measured(line[:n]) <= width), default=1)
            lines.append(line[:cut])
            line = line[cut:]
    if line:
        lines.append(line)
    if max_lines is not None and len(lines) > max_lines:
        lines = lines[:max_lines]
        while lines[-1] and measured([*lines[-1], ('…', None)]) > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] = [*lines[-1], ('…', None)]
    return Layout([_runs(line, size, weight) for line in lines], size)


def _words(text: str, spans: Sequence[Sequence[Sequence[int]]]) -> list[tuple[Letter, list[Letter]]]:
    """The words of ``text``, each with the space before it, which belongs to a phrase that runs across it."""
    owner: list[int | None] = [None] * len(text)
    for number, phrase in enumerate(spans):
        for start, end in phrase:
            for place in range(max(start, 0), min(end, len(text))):
                owner[place] = number if owner[place] is None else owner[place]
    words = []
    for match in re.finditer(r'\S+', text):
        start, end = match.span()
        before = owner[start - 1] if start else None
        words.append(((' ', before), list(zip(text[start:end], owner[start:end], strict=True))))
    return words


def _pieces(
    words: list[tuple[Letter, list[Letter]]], fits: Callable[[list[Letter]], bool]
) -> Iterator[tuple[Letter, list[Letter]]]:
    """What lines may be broken between: the words, but those of a phrase stay together where one line can hold them."""
    start = 0
    while start < len(words):
        end = start + 1
        letters = list(words[start][1])
        while end < len(words) and words[end][0][1] is not None:
            letters += [words[end][0], *words[end][1]]
            end += 1
        if fits(letters):
            yield words[start][0], letters
        else:
            yield from words[start:end]
        start = end


def _runs(letters: list[Letter], size: float, weight: str) -> list[Run]:
    """The runs of a line, placed one after the other."""
    runs, x = [], 0.0
    for phrase, group in groupby(letters, key=itemgetter(1)):
        text = ''.join(letter for letter, _ in group)
        width = text_width(text, size, weight) if phrase is None else text_width(text, size, 'bold') + 2 * _PAD
        runs.append(Run(text, phrase, x, width))
        x += width
    return runs
