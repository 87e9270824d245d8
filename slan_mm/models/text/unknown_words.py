"""Words that a tokenizer does not know: all become one token, and cannot be told apart."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from string import punctuation

from mmengine.logging import print_log

from slan_mm.plain_text import short

_TOLD_AT = 1000  # tokens; and at every power of ten of them
_NOTEWORTHY = 0.01  # share of tokens
_MOST_NAMED = 10
_MOST_KEPT = 10_000


class UnknownWords:
    """Counts unknown words and says so: each of the first ones by name, and their share where it is noteworthy.

    - ``tokens``: tokens seen, special ones left out.
    - ``counts``: how often each unknown word came.
    """

    def __init__(self) -> None:
        self.tokens = 0
        self.counts: Counter[str] = Counter()
        self._unknown = 0
        self._told_at = _TOLD_AT
        self._named = 0

    def see(self, words: Iterable[str], tokens: int, name_them: bool) -> None:
        """Counts the unknown ``words`` of texts that have ``tokens`` tokens.

        With ``name_them`` the first ten different ones are named at once. The share is told after 1,000 tokens, and
        whenever there are ten times as many, if it is above 1 %.
        """
        words = list(words)
        # A comma that a tokenizer for two dozen words does not know stands for nothing.
        new = [word for word in dict.fromkeys(words) if word not in self.counts and word.strip(punctuation)]
        self.tokens += tokens
        self._unknown += len(words)
        if len(self.counts) < _MOST_KEPT:
            self.counts.update(words)
        if name_them and new and self._named < _MOST_NAMED:
            named = new[: _MOST_NAMED - self._named]
            self._named += len(named)
            self._warn(
                f'The tokenizer does not know {", ".join(map(short, named))}: all such words are one token, [UNK], and '
                'look the same to the model.'
            )
        if self.tokens >= self._told_at:
            while self.tokens >= self._told_at:
                self._told_at *= 10
            if self._unknown > _NOTEWORTHY * self.tokens:
                often = ', '.join(f'{short(word)} ({count})' for word, count in self.counts.most_common(5))
                self._warn(
                    f'{100 * self._unknown / self.tokens:.1f} % of the first {self.tokens} tokens are words that the '
                    f'tokenizer does not know, most often {often}. They are all one token, [UNK], and look the same '
                    'to the model: are the texts of its language and script?'
                )

    @staticmethod
    def _warn(what: str) -> None:
        print_log(what, 'current', logging.WARNING)
