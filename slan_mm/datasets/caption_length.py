"""Length of captions in words."""

import re

_WORD = re.compile(r'\S+')


def shorten(caption: str, max_words: int | None) -> str:
    """The first ``max_words`` words (runs of non-space) of ``caption``, spacing kept; all of it for None."""
    if max_words is None:
        return caption
    for number, word in enumerate(_WORD.finditer(caption), start=1):
        if number == max_words:
            rest = caption[word.end() :]
            return caption[: word.end()] if rest.strip() else caption
    return caption
