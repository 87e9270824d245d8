"""A mirrored picture: what a text says of it, and where boxes are in it."""

from __future__ import annotations

import re
from typing import Any

from slan_mm.structures import MarkedText

_SIDES = re.compile(r'\b(left|right)', re.IGNORECASE)


def mirrored_text(marked: MarkedText) -> MarkedText:
    """What ``marked`` says of the mirrored picture: left is right and right is left; phrases keep their words."""
    text, position, places = '', 0, [0] * (len(marked.text) + 1)
    for match in _SIDES.finditer(marked.text):
        word = match.group()
        other = 'right' if word.lower() == 'left' else 'left'
        other = other.upper() if word.isupper() else other.title() if word[0].isupper() else other
        for letter in range(position, match.start()):
            places[letter] = len(text) + letter - position
        text += marked.text[position : match.start()]
        for letter in range(match.start(), match.end()):
            places[letter] = len(text)
        text += other
        position = match.end()
    for letter in range(position, len(marked.text) + 1):
        places[letter] = len(text) + letter - position
    text += marked.text[position:]
    return MarkedText(text, [[[places[start], places[end]] for start, end in runs] for runs in marked.spans])


def mirrored_boxes(boxes: Any, width: float) -> Any:
    """Where ``boxes`` (..., 4) xyxy, a tensor or an array, are in the mirrored picture, ``width`` wide."""
    turned = boxes[..., [2, 1, 0, 3]]
    turned[..., 0::2] = width - turned[..., 0::2]
    return turned
