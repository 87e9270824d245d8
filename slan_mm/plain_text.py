"""What makes a text usable: it has something to read, and no half characters. And values in messages."""

import re
import unicodedata
from reprlib import Repr
from typing import Any

#: Letters and signs by their category in Unicode that show nothing: Hangul fillers, the empty Braille pattern.
_UNSEEN = frozenset('\u115f\u1160\u3164\uffa0\u2800')

_SEEN = re.compile('[!-~]')  # quicker than to look up letters


class _Short(Repr):
    def repr_int(self, x: int, level: int) -> str:
        """Of a number with more digits than Python writes, how many these are."""
        try:
            return super().repr_int(x, level)
        except ValueError:
            return f'a whole number of {x.bit_length()} bits'


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = 20


def is_blank(text: str) -> bool:
    """Whether ``text`` has no letter, digit or sign: it is empty, or all spaces, control or zero-width characters.

    Marks count only on a letter. A tokenizer makes no token of such a text.
    """
    if _SEEN.search(text):
        return False
    return not any(unicodedata.category(letter)[0] in 'LNPS' and letter not in _UNSEEN for letter in text)


def is_whole(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8.

    What cannot has lone surrogates: halves of a character, as where a text was cut inside an emoji; or it is the name
    of a file that is not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def short(value: Any) -> str:
    """``repr(value)`` for a message: of long texts and lists the beginning, however deep they are nested."""
    return _SHORT.repr(value)
