"""Noun phrases of a text, for those who mark none, by the library textblob without anything that it would download."""

import re
from collections.abc import Sequence

from slan_mm.arguments import checked
from slan_mm.datasets.marked_text import APOSTROPHES, mark_spans, read_marked_text
from slan_mm.structures import MarkedText
from slan_mm.tagged_words import tagged_sentences

#: Tags of words that stand in a noun phrase and name nothing.
_NAMELESS = ('DT', 'PDT', 'WDT', 'PRP', 'PRP$', 'EX')
#: Tags of words that say more of the noun behind them: adjectives, nouns, numbers, participles.
_MODIFIERS = ('JJ', 'NN', 'CD', 'VBN', 'VBG')
#: A part of a word: letters go on after it, or it follows letters, with or without an apostrophe ("isn't", "dog's").
_PART = re.compile(rf'(?<=\w)[{APOSTROPHES}]?$')


@checked
def find_noun_phrases(text: str) -> list[list[int]]:
    """The character spans [start, end) of the noun phrases in ``text``, in their order, without articles.

    Tags and chunks are those of textblob's English parser (de Smedt and Daelemans, pattern.en), whose lexicon and rules
    come with the package. Spans begin and end with a word: a phrase never is a part of one.
    """
    spans: list[list[int]] = []
    text = _with_plain_apostrophes(text)
    for sentence in tagged_sentences(text):
        phrase: list[int] | None = None  # of the words before, while it may go on
        named = False
        for start, end, tag, chunk in [*sentence, (-1, -1, '', 'O')]:
            begins = chunk.startswith('B')
            inside = chunk.endswith('NP') and tag not in _NAMELESS and start >= 0 and _is_word(text, start, end)
            if phrase is not None and (begins or not inside):
                spans += [phrase] if named else []
                phrase = None
            if inside:
                phrase, named = (phrase or [start, end]), tag.startswith('NN') or (phrase is not None and named)
                phrase[1] = end
    return spans


@checked
def with_modifiers(text: str, spans: Sequence[Sequence[int]]) -> list[list[int]]:
    """Names in ``text``, at ``spans`` [start, end), each with the adjectives and nouns that stand directly before it.

    For names that are known to be nouns where the parser takes them for something else, as 'cross' in 'a red cross'.
    """
    text = _with_plain_apostrophes(text)
    words = [word for sentence in tagged_sentences(text) for word in sentence if word[0] >= 0]
    widened = []
    for start, end in spans:
        for first, last, tag, _ in reversed([word for word in words if word[1] <= start]):
            if not tag.startswith(_MODIFIERS) or text[last:start].strip() or not _is_word(text, first, last):
                break
            start = first
        widened.append([start, end])
    return widened


def _with_plain_apostrophes(text: str) -> str:
    """``text`` as the parser knows it, which takes "dog's" with the plain apostrophe alone; no character moves."""
    return re.sub(f'[{APOSTROPHES}]', "'", text)


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
