"""What the arguments of public functions may be: one table by name, one decorator, one kind of message.

An argument has the same name and the same meaning wherever it is taken, so it is described once, in ``ARGUMENTS``.
Command lines take their numbers from here, too (:mod:`slan_mm.cli.options`): nothing heavy is imported above.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, overload

from slan_mm.home_folder import expanded
from slan_mm.plain_text import is_blank, is_whole, short

#: Gives back what the function is to see, or raises a ValueError whose text goes on after the argument's name: 'must
#: be ...', or of an entry of a list '[2] must be ...'.
Check = Callable[[Any], Any]
#: Of an image that a model is given, in pixels.
_LONGEST = 16_384
Function = TypeVar('Function', bound=Callable)


@overload
def checked(function: Function, /) -> Function: ...
@overload
def checked(**own: Check) -> Callable[[Function], Function]: ...
def checked(function: Callable | None = None, /, **own: Check) -> Any:
    """Decorates a public function: those of its arguments that ``ARGUMENTS`` knows are checked before it runs.

    ``own``: what arguments of this function alone must be, by name.

    Raises:
        ValueError: An argument is not what it must be; the message begins with its name.
    """
    if function is None:
        return functools.partial(checked, **own)
    parameters = signature(function)
    defaults = {name: parameter.default for name, parameter in parameters.parameters.items()}
    (others,) = [name for name, one in parameters.parameters.items() if one.kind is Parameter.VAR_KEYWORD] or ['']

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        bound = parameters.bind(*args, **kwargs)
        for arguments in (bound.arguments, bound.arguments.get(others, {})):
            for name, value in arguments.items():
                # A default needs no check, and may mean more than what can be given.
                if value is not defaults.get(name, Parameter.empty):
                    arguments[name] = check_argument(name, value, own.get(name))
        return function(*bound.args, **bound.kwargs)

    return run


def check_argument(name: str, value: Any, check: Check | None = None) -> Any:
    """``value`` as a function with an argument ``name`` sees it; what ``ARGUMENTS`` does not know is not checked.

    Raises:
        ValueError: It is not what ``check``, or else ``ARGUMENTS``, says.
    """
    check = check or ARGUMENTS.get(name)
    if check is None:
        return value
    try:
        return check(value)
    except ValueError as error:
        told = str(error)
        raise ValueError(name + told if told.startswith('[') else f'{name} {told}') from None


def shown(value: Any) -> str:
    """``value`` in a message, or what it is where it would fill lines."""
    if isinstance(value, str | bytes | int | float | list | tuple | dict | type(None)):
        text = short(value)
        return text if text.isprintable() and len(text) < 200 else short(ascii(value))
    return f'an object of type {type(value).__name__}'


def whole(least: int) -> Check:
    """A whole number of at least ``least``, of Python or NumPy."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ValueError(f'must be a whole number of at least {least}, got {shown(value)}')
        if value > sys.maxsize:
            raise ValueError(f'must be a whole number of at most {sys.maxsize}, got {shown(value)}')
        return int(value)

    return check


def image_size(value: Any) -> tuple[int, int]:
    """The side of a square, or (height, width), in pixels."""
    sides = value if isinstance(value, list | tuple) else (value, value)
    good = len(sides) == 2 and all(isinstance(one, Integral) and not isinstance(one, bool) for one in sides)
    if not good or not all(1 <= one <= _LONGEST for one in sides):
        raise ValueError(f'must be a side in pixels, from 1 to {_LONGEST}, or (height, width), got {shown(value)}')
    return int(sides[0]), int(sides[1])


def real(least: float = -math.inf, most: float = math.inf, above: bool = False) -> Check:
    """A finite number from ``least`` to ``most``; with ``above`` not ``least`` itself."""
    told = 'a number'
    if math.isfinite(least):
        told += f' above {least:g}' if above else f' of at least {least:g}'
    if math.isfinite(most):
        told += f' and at most {most:g}'

    def check(value: Any) -> float:
        try:
            good = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        except OverflowError:
            raise ValueError(f'must be {told} within {sys.float_info.max:.2g}, got {shown(value)}') from None
        if not good or not least <= value <= most or (above and value == least):
            raise ValueError(f'must be {told}, got {shown(value)}')
        return float(value)

    return check


def one_of(*values: str) -> Check:
    """One of ``values``."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f'must be {" or ".join(map(repr, values))}, got {shown(value)}')
        return value

    return check


def optional(check: Check) -> Check:
    """None, or what ``check`` says."""
    return lambda value: None if value is None else check(value)


def flag(value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError(f'must be True or False, got {shown(value)}')
    return value


def text(value: Any) -> str:
    """A text with something to read in it."""
    if not isinstance(value, str):
        raise ValueError(f'must be text, got {shown(value)}')
    if not is_whole(value):
        raise ValueError(f'holds half a character (a lone surrogate): it was cut within one, got {shown(value)}')
    if is_blank(value):
        raise ValueError(f'must not be empty, got {shown(value)}')
    return value


def list_of(check: Check) -> Check:
    """What ``check`` says, or a list of at least one."""

    def check_list(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return check(value)
        if not value:
            raise ValueError('must be at least one, the list is empty')
        found = []
        for place, one in enumerate(value):
            try:
                found.append(check(one))
            except ValueError as error:
                told = str(error)
                raise ValueError(f'[{place}]{told}' if told.startswith('[') else f'[{place}] {told}') from None
        return found

    return check_list


def spans(value: Any) -> list:
    """Lists of whole numbers, in whatever depth; NumPy's become Python's."""
    value = value.tolist() if type(value).__module__ == 'numpy' else value
    if not isinstance(value, list | tuple):
        raise ValueError(f'must be character spans [start, end), or lists of these, got {shown(value)}')
    return [int(one) if isinstance(one, Integral) and not isinstance(one, bool) else spans(one) for one in value]


def file_path(value: Any) -> Any:
    """A path."""
    if not isinstance(value, str | os.PathLike) or not str(value).strip() or '\0' in str(value):
        raise ValueError(f'must be a path, got {shown(value)}')
    return value


def out_folder(value: Any) -> Path | str:
    """A folder that can be written to, or can be made; '' and None: none is asked for."""
    if value is None or value == '':
        return ''
    path = expanded(file_path(value))
    if path.parts[:1] and path.parts[0].startswith('~') and not Path(path.parts[0]).exists():
        raise ValueError(f'must be a folder: there is no user {path.parts[0][1:]!r}')
    there = next(place for place in (path, *path.absolute().parents) if place.exists() or place.is_symlink())
    if not there.is_dir():
        raise ValueError(f'must be a folder: {there} is a file')
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f'must be a folder that can be written to: {there} is read-only')
    return path


def out_file(value: Any) -> Path:
    """A file that can be written, or written over."""
    path = expanded(file_path(value))
    if path.is_dir():
        raise ValueError(f'must be a file: {path} is a folder')
    try:
        out_folder(path.parent)
    except ValueError as error:
        raise ValueError(f'cannot be written{str(error).removeprefix("must be a folder")}') from None
    return path


def device(value: Any) -> Any:
    """A device that this machine has."""
    import torch

    try:
        kind = torch.device(value).type
        if kind != 'meta':  # has no memory, so no answers
            torch.empty(0, device=value)
            return value
    except (RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError):
        pass  # a ValueError: a number beyond 64 bits
    count = torch.cuda.device_count()
    known = ["'cpu'", *(f"'cuda:{index}'" for index in range(count))]
    raise ValueError(f'must be a device of this machine ({", ".join(known)}), got {shown(value)}')


def usable_device(value: str | None) -> str:
    """``value``, which this machine must have; None: a GPU where there is one, else the CPU.

    Raises:
        ValueError: It has not.
    """
    from mmengine.device import get_device

    return get_device() if value is None else check_argument('device', value)


def settings(value: Any) -> Mapping[str, Any]:
    """Settings by their dotted names."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f'must be a dict of settings by their names, got {shown(value)}')
    return value


def config(value: Any) -> Any:
    """A config, or the path of its file."""
    if hasattr(value, 'merge_from_dict'):
        return value
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f'must be a config or the path of its file, got {shown(value)}')
    return file_path(value)


#: What an argument of a name must be.
ARGUMENTS: dict[str, Check] = {
    'batch_size': whole(1),
    'cache_gb': real(0),
    'cfg_options': optional(settings),
    'checkpoint': optional(file_path),
    'config': config,
    'device': optional(device),
    'direction': one_of('t2i', 'i2t'),
    'engine': optional(one_of('faiss', 'lancedb')),
    'find': one_of('words', 'noun_phrases'),
    'folder': file_path,
    'full_k': optional(whole(1)),
    'img_out_dir': out_folder,
    'itm_weight': optional(real()),
    'k': whole(1),
    'm': whole(1),
    'model': config,
    'phrases': optional(spans),
    'pred_out_dir': out_folder,
    'return_datasamples': flag,
    'score_thr': optional(real()),
    'show': flag,
    'show_progress': flag,
    'store_features': flag,
    'text': text,
    'texts': list_of(text),
    'top': whole(1),
    'weights': optional(file_path),
}
