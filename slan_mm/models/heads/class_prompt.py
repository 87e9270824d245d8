"""A list of classes as text: 'detect: person, bicycle, car' (section 4.2.6), and which token belongs to which class.

A list that is longer than the text encoder's limit becomes several prompts, each of some of the classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from slan_mm.models.phrase_words import span_tokens

PREFIX, SEPARATOR = 'detect: ', ', '
#: What separates the classes of a text: commas and their like, or else full stops.
_LISTED, _STOPPED = re.compile(r'[,;\n，；、]'), re.compile(r'\.(?:\s+|$)|。')
#: A full stop that may separate: before a space, or between two words without one.
_UNCLEAR = re.compile(r'\.\s|\w\w\.\w\w|。')


@dataclass(frozen=True)
class PromptPart:
    """One prompt: ``text``, the indices of its ``classes`` and the character span [start, end) of each name."""

    text: str
    classes: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


def read_class_names(text: str | Sequence[str]) -> tuple[str, ...]:
    """Class names as a user gives them: a sequence, or one text with commas or full stops between them.

    ``'cat, remote control'``, ``'cat. remote control.'`` (Grounding DINO), ``'cat . remote control .'`` (mmdet) and a
    line for each are all two classes. A text has one kind of separator: names that hold a full stop or a comma need a
    sequence.

    Raises:
        ValueError: A full stop stands in a name, so that nobody knows whether it separates; see also
            :func:`check_class_names`.
    """
    if isinstance(text, str):
        shown, text = text, text.strip()
        kind = _LISTED if _LISTED.search(text) else _STOPPED
        pieces = [piece.strip() for piece in kind.split(text)]
        if kind is _LISTED:
            pieces[-1] = re.sub(r'\s*\.$', '', pieces[-1])
        for piece in pieces:
            if _UNCLEAR.search(piece):
                raise ValueError(
                    f'the class list {shown!r} has a full stop in {piece!r}: does it separate two classes? Separate '
                    'all by commas, or all by full stops and spaces; a name with a full stop needs a list of names'
                )
        # What a closing separator leaves behind.
        text = pieces[:-1] if not pieces[-1] else pieces
    return check_class_names(text)


def is_prompt(name: str) -> bool:
    """Whether a text that should name one class looks like a list of classes: ``'cat, dog'``, ``'cat . dog .'``."""
    return bool(_LISTED.search(name) or re.search(r'\s\.\s|\.\s*$', name))


def check_class_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names as a prompt shows them: stripped, with spaces for underscores (as LVIS writes 'baseball_bat').

    Raises:
        ValueError: There is none, one is empty or no text, or two are the same but for case: nothing could tell their
            boxes apart.
    """
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise ValueError(f'class {index} of {len(names)} should be a text, got {type(name).__name__} ({name!r})')
    shown = tuple(' '.join(name.replace('_', ' ').split()) for name in names)
    if not shown:
        raise ValueError('the class list is empty: name at least one class to detect')
    places: dict[str, list[int]] = {}
    for index, name in enumerate(shown):
        if not name:
            raise ValueError(f'class {index} of {len(shown)} has an empty name')
        places.setdefault(name.casefold(), []).append(index)
    twice = {name: indices for name, indices in places.items() if len(indices) > 1}
    if twice:
        raise ValueError(
            f'the class list has duplicates, which no prompt can tell apart: {twice} (name: positions from 0). '
            'Remove or rename them.'
        )
    return shown


class ClassPrompt:
    """Makes prompts of class names, 'detect: person, bicycle'.

    Args:
        max_classes: Most classes of a prompt; None: as many as the text encoder's limit has room for, the paper's
            single prompt if all fit. 1 makes a prompt for each class: slower by the number of classes, but the region
            filter then keeps T regions for each.

    Raises:
        ValueError: ``max_classes`` is less than 1.
    """

    def __init__(self, max_classes: int | None = None) -> None:
        if max_classes is not None and max_classes < 1:
            raise ValueError(f'max_classes must be at least 1 or None, got {max_classes}')
        self.max_classes = max_classes

    def compose(self, names: Sequence[str], classes: Sequence[int]) -> PromptPart:
        """The prompt of ``names[i]`` for i in ``classes``."""
        text, spans = PREFIX, []
        for position, index in enumerate(classes):
            text += SEPARATOR if position else ''
            spans.append((len(text), len(text) + len(names[index])))
            text += names[index]
        return PromptPart(text, tuple(classes), tuple(spans))

    def split(self, names: Sequence[str], count_tokens: Callable[[str], int], limit: int) -> list[PromptPart]:
        """Prompts of at most ``limit`` tokens that hold all ``names`` in their order, each once.

        ``count_tokens`` counts the tokens of a text, special ones included.

        Raises:
            ValueError: One name alone is too long; see also :func:`check_class_names`.
        """
        names = check_class_names(names)
        parts: list[PromptPart] = []
        current: PromptPart | None = None
        for index, name in enumerate(names):
            full = current is None or len(current.classes) == self.max_classes
            longer = self.compose(names, (index,) if full else (*current.classes, index))  # type: ignore[union-attr]
            if not full and count_tokens(longer.text) > limit:
                full, longer = True, self.compose(names, (index,))
            if full:
                if count_tokens(longer.text) > limit:
                    raise ValueError(
                        f'the prompt of class {index}, "{name}", has {count_tokens(longer.text)} tokens, the text '
                        f'encoder takes {limit}: shorten the name or raise max_words of the text encoder'
                    )
                if current is not None:
                    parts.append(current)
            current = longer
        return [*parts, current]  # type: ignore[list-item]


def class_token_map(part: PromptPart, offsets: Tensor, word_mask: Tensor) -> Tensor:
    """Which tokens name which class: (C, NT) bool for the C classes of ``part``.

    ``offsets`` (NT, 2) and ``word_mask`` (NT,) are the tokens of ``part.text``. Prefix and separators belong to no
    class, nor do special tokens and padding.

    Raises:
        ValueError: A class has no token: the tokenizer drops all its characters.
    """
    rows = [span_tokens(offsets, word_mask, [span]) for span in part.spans]
    for row, (start, end) in zip(rows, part.spans, strict=True):
        if not row.any():
            raise ValueError(f'the tokenizer makes no token of the class "{part.text[start:end]}": rename it')
    return torch.stack(rows)
