"""Texts whose phrases a user marks with brackets: 'a [dog] runs over the [wet grass]'."""

import re
from dataclasses import dataclass

#: Words that name nothing in a picture; a text without brackets asks for all its others.
_NAMELESS = {
    'a', 'an', 'the', 'and', 'or', 'of', 'in', 'on', 'at', 'to', 'from', 'with', 'without', 'by', 'for', 'as', 'into',
    'onto', 'over', 'under', 'near', 'is', 'are', 'was', 'be', 'being', 'it', 'its', 'his', 'her', 'their', 'this',
    'that', 'these', 'those', 'there', 'some', 'one', 'while', 'who', 'which', 'up', 'down', 'out', 'off',
}  # fmt: skip


@dataclass
class MarkedText:
    """A text without its brackets, and each phrase's runs of characters [start, end) in it."""

    text: str
    spans: list[list[list[int]]]

    @property
    def phrases(self) -> list[str]:
        """The phrases' letters."""
        return [' '.join(self.text[start:end] for start, end in phrase) for phrase in self.spans]


def read_marked_text(marked: str) -> MarkedText:
    """Takes the brackets out of ``marked``; without any, every word but 'a', 'of' and their like is a phrase.

    Raises:
        ValueError: The text is empty, a bracket is not closed or not opened, one stands within another, or a phrase is
            empty.
    """
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
        words = re.finditer(r"\w[\w'-]*", text)
        spans = [[[word.start(), word.end()]] for word in words if word.group().lower() not in _NAMELESS]
    if not spans:
        raise ValueError(f'no word to look for in {marked!r}: mark phrases with brackets, as in "a [dog] on [grass]"')
    return MarkedText(text, spans)
