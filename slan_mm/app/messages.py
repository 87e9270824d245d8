"""What a user of the app is told."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from mmengine.logging import print_log

from slan_mm.apis import PictureIndexError
from slan_mm.arguments import check_argument
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.folder_lock import FolderInUseError

T = TypeVar('T')
#: Errors that tell of what was given.
MISTAKES = (ValueError, UnreadableImageError, PictureIndexError, FolderInUseError, FileNotFoundError)
#: The longest text that is asked of a model: the text encoders read a few dozen words.
LONGEST_TEXT = 1000
_PATH = re.compile(r'(?<![\w.])(?:~|/|[A-Za-z]:\\)[^\s\'":;,()]*[/\\]([^\s\'":;,()]*)')


class AppError(Exception):
    """An error whose message is for the user of the app."""


def without_paths(text: str) -> str:
    """``text`` with the name of a file in the place of its path."""
    return _PATH.sub(lambda match: match[1] or 'a folder', text)


def told(function: Callable[..., T]) -> Callable[..., T]:
    """Decorates what the app does: an error becomes an :class:`AppError` that names no path.

    A fault of the program is logged with its traceback; the user is told that it is there.

    Raises:
        AppError: Always in the place of another error.
    """

    @wraps(function)
    def run(*arguments: Any, **options: Any) -> T:
        try:
            return function(*arguments, **options)
        except AppError:
            raise
        except MISTAKES as error:
            raise AppError(sentence(without_paths(str(error)))) from error
        except Exception as error:
            logging.getLogger('slan_mm').exception('the app goes on after an error')
            print_log(f'{type(error).__name__}: {error}', 'current', logging.ERROR)
            raise AppError('Something went wrong in the app. Its log, in the terminal, has the details.') from error

    return run


def sentence(text: str) -> str:
    """``text`` in one line with a full stop."""
    text = ' '.join(text.split())
    return text + ('' if text.endswith(('.', '!', '?')) else '.')


def read_text(text: Any, what: str = 'text') -> str:
    """A text that a user has written.

    Raises:
        AppError: It is empty, or longer than ``LONGEST_TEXT``.
    """
    if not str(text or '').strip():
        raise AppError(f'Write a {what} first.')
    if len(text) > LONGEST_TEXT:
        raise AppError(f'The {what} has {len(text)} characters; at most {LONGEST_TEXT} are read.')
    return check_argument('text', text.strip())
