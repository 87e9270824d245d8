"""From the phrases of captions to the categories of a detector."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import yaml

from slan_mm.datasets.marked_text import APOSTROPHES
from slan_mm.home_folder import expanded
from slan_mm.plain_text import short
from slan_mm.text_files import read_yaml

#: Plurals that no rule makes.
_IRREGULAR = {
    'men': 'man', 'women': 'woman', 'people': 'person', 'persons': 'person', 'children': 'child', 'feet': 'foot',
    'teeth': 'tooth', 'geese': 'goose', 'mice': 'mouse', 'oxen': 'ox',
}  # fmt: skip
#: A phrase that a user marked may go on behind its head: 'dog [on] grass'.
_BEHIND_HEAD = re.compile(r'\s(?:of|on|in|at|with|near|by|over|under)\s', re.IGNORECASE)
_WORD = re.compile(rf'[^\W_]+(?:[{re.escape(APOSTROPHES)}-][^\W_]+)*')


def singular(word: str) -> str:
    """``word`` in lower case and in the singular, as far as rules know it."""
    from textblob.en.inflect import singularize  # takes a second, which --help need not wait for

    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if not word.endswith('s') or word.endswith(('ss', 'us', 'is')):
        return word
    return str(singularize(word))


def read_words(text: str) -> tuple[str, ...]:
    """The words of ``text`` in lower case, the last one, its head, in the singular."""
    words = [match.group().lower() for match in _WORD.finditer(text)]
    return (*words[:-1], singular(words[-1])) if words else ()


def head_words(phrase: str) -> tuple[str, ...]:
    """The words of ``phrase`` up to its head: of 'two big dogs on grass' two, big, dog."""
    return read_words(_BEHIND_HEAD.split(phrase.strip(), maxsplit=1)[0])


class Categories:
    """Category names with their synonyms: which category a phrase names.

    A phrase is of the category whose name, or synonym, it ends with; the longest counts: 'a red fire truck' is a fire
    truck, and no truck where both are categories.

    Args:
        names: Of each category, in the order of its label, its synonyms.

    Raises:
        ValueError: There is none, a name has no word, or a word stands for two categories.
    """

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        if not names:
            raise ValueError('there is no category: name some')
        self.names = list(names)
        self._of: dict[tuple[str, ...], str] = {}
        for name, synonyms in names.items():
            for text in dict.fromkeys((name, *synonyms)):
                words = read_words(text)
                if not words:
                    raise ValueError(f'the category {name!r} has a name without a word: {text!r}')
                if (known := self._of.setdefault(words, name)) != name:
                    raise ValueError(f'{text!r} stands for two categories, {known!r} and {name!r}: remove one')
        self._longest = max(map(len, self._of))

    def of_phrase(self, phrase: str) -> str | None:
        """The category of ``phrase``; None if it names none."""
        return self._of_words(head_words(phrase))

    def _of_words(self, words: tuple[str, ...]) -> str | None:
        ends = (words[start:] for start in range(max(len(words) - self._longest, 0), len(words)))
        return next((self._of[end] for end in ends if end in self._of), None)

    def find(self, text: str) -> list[list[int]]:
        """The character spans [start, end) of all names and synonyms in ``text``, the longest at each place."""
        words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        spans: list[list[int]] = []
        first = 0
        while first < len(words):
            lasts = range(min(first + self._longest, len(words)) - 1, first - 1, -1)
            last = next((n for n in lasts if read_words(text[words[first][0] : words[n][1]]) in self._of), None)
            if last is not None:
                spans.append([words[first][0], words[last][1]])
            first = (first if last is None else last) + 1
        return spans


def read_categories(value: str) -> Categories:
    """Categories of a text, 'dog, person', or of a yaml file.

    The file is a list of names, or names with lists of synonyms: ``person: [man, woman]``.

    Raises:
        FileNotFoundError: ``value`` ends in .yaml or .yml, and there is no such file.
        ValueError: It is no such list; and what :class:`Categories` raises.
    """
    if not value.endswith(('.yaml', '.yml')):
        return Categories({name.strip(): () for name in value.split(',') if name.strip()})
    file = expanded(value)
    content = read_yaml(file)
    listed = [(name, None) for name in content] if isinstance(content, list) else []
    if odd := [name for name, _ in listed if content.count(name) > 1]:
        raise ValueError(f'{file}: {short(odd[0])} stands twice: remove one')
    names: dict[str, list[str]] = {}
    for name, synonyms in content.items() if isinstance(content, dict) else listed:
        synonyms = [] if synonyms is None else synonyms
        if not isinstance(synonyms, list) or not all(isinstance(text, str) for text in (name, *synonyms)):
            raise ValueError(f'{file}: {short(name)} must be a text with a list of texts, as in "person: [man, woman]"')
        names[name] = synonyms
    if not names:
        raise ValueError(f'{file} names no category: write a list, or lines such as "person: [man, woman]"')
    try:
        return Categories(names)
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from None


def frequent_heads(phrases: Iterable[str], most: int) -> dict[str, int]:
    """The ``most`` frequent heads of ``phrases`` with their numbers, falling; of equal ones in the alphabet's order."""
    count = Counter(words[-1] for phrase in phrases if (words := head_words(phrase)))
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0]))[:most])


def classes_yaml(counts: Mapping[str, int]) -> str:
    """A file for :func:`read_categories`, to be edited: the heads found, each with its number of phrases."""
    lines = [
        '# Heads of the phrases in the captions, with their numbers. Remove and rename lines, put synonyms between'
    ]
    lines += ['# the brackets, and run again with --classes and this file.']
    lines += [f'{yaml.safe_dump(name).splitlines()[0]}: []  # {count}' for name, count in counts.items()]
    return '\n'.join(lines) + '\n'
