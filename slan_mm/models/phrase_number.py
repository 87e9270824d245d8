"""How many things a phrase names: one, a number, or several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from slan_mm.tagged_words import tagged_sentences

_NUMBERS = dict(one=1, two=2, three=3, four=4, five=5, six=6, seven=7, eight=8, nine=9, ten=10, eleven=11, twelve=12)
#: A number of more digits is not counted.
_DIGITS = 3
#: Singular words for two and for several things.
_TWO, _GROUPS = frozenset({'both', 'couple', 'pair'}), frozenset({'crowd', 'group', 'team'})
#: Plural words for one thing.
_ONE_PAIR = frozenset({
    'binoculars', 'clothes', 'glasses', 'goggles', 'headphones', 'jeans', 'leggings', 'overalls', 'pajamas', 'pants',
    'pyjamas', 'scissors', 'shorts', 'sunglasses', 'tights', 'trousers', 'trunks',
})  # fmt: skip


def things_named(text: str, spans: Sequence[Sequence[int]], several: int) -> int:
    """How many things the phrase of the characters ``spans`` [start, end) of ``text`` names.

    Its first number, as a word or in digits, if its last noun is a plural or it has none: "two dogs", but "a 5 year old
    boy" is one. Without a number ``several`` of a plural, and of words for a group; else 1. Tags are those of
    textblob's English parser, see :func:`tagged_sentences`.
    """
    words = [word for word in _tagged(text) if any(start <= word[0] and word[1] <= end for start, end in spans)]
    named = [(text[start:end].lower(), tag) for start, end, tag in words]
    # No verb stands behind an adjective: "red crosses" are things.
    for place in range(1, len(named)):
        if named[place][1] == 'VBZ' and named[place - 1][1] in ('JJ', 'CD'):
            named[place] = (named[place][0], 'NNS')
    last, tag = next(((name, tag) for name, tag in reversed(named) if tag.startswith('NN')), ('', ''))
    plural = tag.endswith('S') and last not in _ONE_PAIR
    if plural or not last or last in _TWO:
        for name, _ in named:
            if name.isdecimal() and len(name) > _DIGITS:
                return several
            if number := 2 if name in _TWO else int(name) if name.isdecimal() else _NUMBERS.get(name):
                return number
    return several if plural or any(name in _GROUPS for name, _ in named) else 1


def set_counts(data_samples: Sequence, several: int) -> None:
    """Adds ``pred_counts`` to every sample: how many boxes answer each of its ``phrases``, :func:`things_named`."""
    for sample in data_samples:
        phrases = sample.get('phrases') or []
        sample.set_field([things_named(sample.text, one['spans'], several) for one in phrases], 'pred_counts')


@lru_cache(maxsize=64)
def _tagged(text: str) -> list[tuple[int, int, str]]:
    """Start, end and tag of each word: the phrases of a text are asked for one after the other."""
    return [(start, end, tag) for words in tagged_sentences(text) for start, end, tag, _ in words if start >= 0]
