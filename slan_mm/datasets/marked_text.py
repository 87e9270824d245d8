"""Texts whose phrases a user marks with brackets: 'a [dog] runs over the [wet grass]'."""

import re
from collections.abc import Sequence

from slan_mm.arguments import check_argument, checked
from slan_mm.structures import MarkedText

#: What stands for an apostrophe: the plain one, typographic ones, the modifier letter, the acute and grave accents.
APOSTROPHES = "'\u2019\u2018\u02bc\u00b4`\uff07"
#: Words that name nothing in a picture; a text without brackets asks for all its others.
_NAMELESS = {
    'a', 'an', 'the', 'and', 'or', 'of', 'in', 'on', 'at', 'to', 'from', 'with', 'without', 'by', 'for', 'as', 'into',
    'onto', 'over', 'under', 'near', 'is', 'are', 'was', 'be', 'being', 'it', 'its', 'his', 'her', 'their', 'this',
    'that', 'these', 'those', 'there', 'some', 'one', 'while', 'who', 'which', 'up', 'down', 'out', 'off',
}  # fmt: skip


def read_marked_text(marked: str) -> MarkedText:
    """Takes the brackets out of ``marked``; without any, every word but 'a', 'of' and their like is a phrase.

    Raises:
        ValueError: The text is empty, a bracket is not closed or not opened, one stands within another, or a phrase is
            empty.
    """
    check_argument('text', marked)
    text, spans = '', []
    opened: int | None = None
    for letter in marked.strip():
        if letter == '[':
            if opened is not None:
                raise ValueError(f'a bracket stands within another in {marked!r}: phrases cannot be nested')
            opened = len(text)
        elif letter == ']':
            if opened is None:
                raise ValueError(f"']' without '[' in {marked!r}")
            if not text[opened:].strip():
                raise ValueError(f'an empty phrase in {marked!r}: put the words it names between the brackets')
            spans.append([[opened, len(text)]])
            opened = None
        else:
            text += letter
    if opened is not None:
        raise ValueError(f"'[' without ']' in {marked!r}")
    if not spans:
        words = re.finditer(rf'\w[\w{APOSTROPHES}-]*', text)
        spans = [[[word.start(), word.end()]] for word in words if word.group().lower() not in _NAMELESS]
    if not spans:
        raise ValueError(f'no word to look for in {marked!r}: mark phrases with brackets, as in "a [dog] on [grass]"')
    return MarkedText(text, spans)


@checked
def mark_spans(text: str, phrases: Sequence) -> MarkedText:
    """``text`` with ``phrases``, each a run of characters [start, end) or a list of runs.

    Raises:
        ValueError: The text is empty, there is no phrase, or a run is not two numbers or leaves the text.
    """
    spans = []
    for phrase in phrases:
        single = isinstance(phrase, int) or (len(phrase) == 2 and all(isinstance(value, int) for value in phrase))
        runs = [phrase] if single else phrase
        for run in runs:
            if isinstance(run, int) or len(run) != 2 or not all(isinstance(value, int) for value in run):
                raise ValueError(f'{run!r} is no run of characters [start, end) of {text!r}')
            if not 0 <= run[0] < run[1] <= len(text):
                raise ValueError(f'phrase {run} is not inside the text of {len(text)} characters {text!r}')
        if not runs:
            raise ValueError(f'a phrase of {text!r} has no characters')
        spans.append(runs)
    if not spans:
        raise ValueError(f'no phrase was given for {text!r}')
    return MarkedText(text, spans)
