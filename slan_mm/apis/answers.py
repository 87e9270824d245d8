"""Helpers for predictions: missing ones, values that json can write, names of pages."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from slan_mm.datasets.unreadable import UnreadableImageError


@dataclass(frozen=True)
class Unread:
    """An unreadable image (or several, of one item) in place of a prediction."""

    image: str | list[str]
    error: UnreadableImageError

    def to_dict(self) -> dict:
        """In the list of predictions."""
        return {'images' if isinstance(self.image, list) else 'image': self.image, 'error': str(self.error)}


def report_unread(entries: Sequence[Any]) -> None:
    """Logs the unreadable ones of ``entries``.

    Raises:
        UnreadableImageError: All are unreadable.
    """
    unread = [entry for entry in entries if isinstance(entry, Unread)]
    if unread and len(unread) == len(entries):
        raise unread[0].error
    for entry in unread:
        print_log(f'no answer: {entry.error}', 'current', logging.WARNING)
    if unread:
        print_log(f'{len(unread)} of {len(entries)} could not be read', 'current', logging.WARNING)


def page_name(number: int, name: str, ending: str = '.jpg') -> str:
    """The file name of a page: its number, and the name of its input without folder and extension."""
    # A file name may have 255 bytes.
    return f'{number:05d}_{os.fsencode(Path(name).stem)[:200].decode(errors="ignore")}{ending}'


def to_json(task: str, answers: Any) -> bytes:
    """The predictions of a task as json.

    Raises:
        ValueError: A number is not finite.
    """
    try:
        content = json.dumps(answers, indent=1, ensure_ascii=False, allow_nan=False) + '\n'
    except ValueError as error:
        raise ValueError(
            f'{task}: an answer is no number (NaN or infinite). The weights may have diverged, or half precision '
            'overflowed'
        ) from error
    # A file name that is no text (lone surrogates) stays what it is when it is read again.
    return content.encode(errors='backslashreplace')


def box_text(box: Sequence[float]) -> str:
    """A box in whole pixels."""
    return f'[{", ".join(f"{value:.0f}" for value in box)}]'


def finite(value: float) -> float | None:
    """``value``, or None if it is infinite, which json cannot write."""
    return value if math.isfinite(value) else None


def one_for_each(values: Any, count: int, what: str) -> list:
    """``values`` as a list of length ``count``; a single value is repeated.

    Raises:
        ValueError: The list has another length.
    """
    if not isinstance(values, list | tuple):
        return [values] * count
    if len(values) != count:
        raise ValueError(f'{len(values)} {what} for {count} pictures: give one for each, or a single one for all')
    return list(values)
