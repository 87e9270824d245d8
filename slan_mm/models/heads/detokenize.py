"""Removes the spaces that a BERT tokenizer puts around punctuation.

BERT splits a text at every punctuation mark, so "3.5" and "3 . 5" have the same tokens. This restores the usual English
spelling; where there are two, the more frequent one.
"""

from __future__ import annotations

import re

#: What is joined, one rule after the other.
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Marks that stand at the word before: "what ?", "( red )", "50 %".
        (r' ([.,?!)])', r'\1'),
        (r'(\() ', r'\1'),
        (r'(?<=\d) ([%°¢])', r'\1'),
        # And at the word after: "$ 5", "# 1", ". 5" (not at a sentence's stop), "- 5" (not between two words).
        (r'([$£€#]) (?=\w)', r'\1'),
        (r'(?<![^\s$£€])(\.) (?=\d)', r'\1'),
        (r'^(-) (?=\d)', r'\1'),
        # Quotes that come in pairs.
        (r'(?<![^\s(])" ([^"]*?) "(?!\w)', r'"\1"'),
        # Within numbers: "11 : 43", "3. 5", "1 / 2"; a comma only before three digits, for "2, 3" is two numbers.
        (r'(?<=\d) ?([:./]) (?=\d)', r'\1'),
        (r'\b(\d{1,3}), (?=\d{3}\b)', r'\1,'),
        # Within words: "t - shirt", "red / blue", "u. s.", "at & t" (but "black & white"), "www. a. com".
        (r'(?<=\w) ([-/]) (?=\w)', r'\1'),
        (r'(?<![^\W_])([^\W\d_]\.) (?=[^\W\d_]\.)', r'\1'),
        (r'(?<=\b\w) & (?=\w)|(?<=\w) & (?=\w\b)', '&'),
        (r'(?<=\bwww)\. (?=\w)|(?<=\w)\. (?=(?:com|org|net|edu|gov)\b)', '.'),
        # "it ' s", "o ' clock"; "the dogs ' ball" and a last "dogs '" are a plural's.
        (r"(?<=s) ' (?!(?:s|t|m|d|ll|re|ve)\b)", "' "),
        (r"(?<=s) '$", "'"),
        (r"(?<=\w) ' (?=\w)", "'"),
    )
)


def join_punctuation(text: str) -> str:
    """A decoded text without the spaces around its punctuation: '$ 3 . 5' becomes '$3.5'. Its tokens stay the same."""
    text = text.strip()
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
