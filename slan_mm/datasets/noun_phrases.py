"""Noun phrases of a text, for those who mark none, by the library textblob without anything that it would download."""

import re

from slan_mm.arguments import checked
from slan_mm.datasets.marked_text import APOSTROPHES, mark_spans, read_marked_text
from slan_mm.structures import MarkedText

#: Tags of words that stand in a noun phrase and name nothing.
_NAMELESS = ('DT', 'PDT', 'WDT', 'PRP', 'PRP$', 'EX')
#: A part of a word: letters go on after it, or it follows letters, with or without an apostrophe ("isn't", "dog's").
_PART = re.compile(rf'(?<=\w)[{APOSTROPHES}]?$')


@checked
def find_noun_phrases(text: str) -> list[list[int]]:
    """The character spans [start, end) of the noun phrases in ``text``, in their order, without articles.

    Tags and chunks are those of textblob's English parser (de Smedt and Daelemans, pattern.en), whose lexicon and rules
    come with the package. Spans begin and end with a word: a phrase never is a part of one.
    """
    from textblob.en import parse  # takes a second, which those who mark phrases need not wait

    spans: list[list[int]] = []
    position = 0
    # The parser knows "dog's" with the plain apostrophe alone; no character moves.
    text = re.sub(f'[{APOSTROPHES}]', "'", text)
    for sentence in parse(text, tokenize=True, tags=True, chunks=True).split():
        phrase: list[int] | None = None  # of the words before, while it may go on
        named = False
        for word, tag, chunk, *_ in [*sentence, ('', '', 'O')]:
            start = text.find(word, position)
            end = start + len(word)
            position = max(position, end)
            begins = chunk.startswith('B')
            inside = chunk.endswith('NP') and tag not in _NAMELESS and start >= 0 and _is_word(text, start, end)
            if phrase is not None and (begins or not inside):
                spans += [phrase] if named else []
                phrase = None
            if inside:
                phrase, named = (phrase or [start, end]), tag.startswith('NN') or (phrase is not None and named)
                phrase[1] = end
    return spans


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether the characters [start, end) are no part of a longer word."""
    return not _PART.search(text[:start]) and not re.match(r'\w', text[end:])


@checked
def mark_phrases(text: str) -> MarkedText:
    """``text`` with the phrases that its brackets mark; without any with its noun phrases, or else with its words.

    Raises:
        ValueError: Brackets are wrong, or there is no word to look for, see :func:`read_marked_text`.
    """
    marked = read_marked_text(text)
    spans = [] if '[' in text else find_noun_phrases(marked.text)
    return mark_spans(marked.text, spans) if spans else marked
