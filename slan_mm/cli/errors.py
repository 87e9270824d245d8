"""Errors that a user can mend, told in one line."""

import functools
import io
import re
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from slan_mm.environment import switched_on

PACKAGE = Path(__file__).resolve().parents[1]
#: Errors that tell of a fault in the program, whoever raises them.
FAULTS = (NotImplementedError, AssertionError, IndexError, AttributeError)

#: The last entry of a worker's traceback after 'File': file, source, message.
_WORKER = re.compile(r'([^"]+)", line \d+, in \S+\n    (.*)\n(?:\s.*\n)*[\w.]+: ((?:.|\n)+)')


def one_line_errors(main: Callable) -> Callable:
    """Decorates the ``main`` of a tool: an error that is meant for its user ends it with one line and exit code 1.

    Such an error says what is wrong and what to do, see :func:`line_of`. Any other keeps its traceback, and with
    ``SLAN_DEBUG=1`` in the environment all do.

    Raises:
        SystemExit: With the line.
    """
    file = Path(main.__code__.co_filename)

    @functools.wraps(main)
    def run(*args: Any, **kwargs: Any) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A text that the terminal's encoding lacks, or a name that is not UTF-8, must not end a tool.
            sys.stdout.reconfigure(errors='backslashreplace')
        try:
            return main(*args, **kwargs)
        except Exception as error:
            line = line_of(error, file)
            if line is None or switched_on('SLAN_DEBUG'):
                raise
            sys.exit(f'{file.stem}: {line}')

    return run


def line_of(error: BaseException, tool: Path | None = None) -> str | None:
    """What to tell of ``error``; None if it is not meant for a user.

    Meant for one are errors that a ``raise`` of this package, of ``tool`` or of a package beside it raises, also in a
    worker of a data loader; files that are not there or cannot be opened; and what a config can do wrong: a type that
    is not registered, weights of another model, and whatever is raised while MMEngine builds a component of the config.
    """
    text = ' '.join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return None
    built = _being_built(error)
    if isinstance(error, FAULTS) and built is None:
        return None
    # A data loader raises an error of a worker again, with the worker's traceback as the message.
    if worker := _WORKER.fullmatch(str(error).split('\n  File "')[-1]):
        place, source, text = Path(worker[1]), worker[2], ' '.join(worker[3].split())
    else:
        place, source = Path(frames[-1].filename), frames[-1].line or ''
    ours = source.startswith('raise') and (PACKAGE in place.resolve().parents or place == tool or _beside(place, tool))
    if ours or (isinstance(error, OSError) and error.filename is not None):
        return text
    missing = re.match(r'(\S+) is not in the \S+?::(.+?) registry', text)
    if missing and place.parts[-3:-1] == ('mmengine', 'registry'):
        return f'{missing[1]!r} is no registered {missing[2]}{_near(missing[1])}'
    if place.parts[-3:] == ('mmengine', 'runner', 'checkpoint.py') and source.startswith('raise'):
        return f'{_shorten(text)}. Give the weights of this model, or the config that they were trained with'
    if built is not None:
        told = _shorten(text) or 'no message'
        return f'{built} cannot be built: {type(error).__name__}: {told}. Correct the config; SLAN_DEBUG=1 shows where'
    return None


def _beside(place: Path, tool: Path | None) -> bool:
    """Whether ``place`` is in a package beside ``tool``."""
    return tool is not None and place.parent.parent == tool.parent and (place.parent / '__init__.py').is_file()


def _being_built(error: BaseException) -> str | None:
    """The innermost component of a config that was being built when ``error`` was raised; None if none was."""
    built = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        file, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        if file.parts[-3:] == ('mmengine', 'registry', 'build_functions.py') and name == 'build_from_cfg':
            kind = (frame.f_locals.get('cfg') or {}).get('type')
            built = getattr(kind, '__name__', kind)
        elif file.parts[-3:] == ('mmengine', 'runner', 'runner.py') and name.startswith('build_'):
            built = name.removeprefix('build_')
        elif file == PACKAGE / 'engine' / 'launch.py' and name == 'build_runner':
            built = 'the run'
    return built


def _near(name: str) -> str:
    from mmengine.registry import Registry

    from slan_mm import registry

    for value in vars(registry).values():
        if isinstance(value, registry.LazyRegistry):
            value.load_all()

    names = {
        key
        for value in vars(registry).values()
        if isinstance(value, Registry)
        for one in (value, value.parent)
        if one is not None
        for key in one.module_dict
    }
    near = get_close_matches(name.rsplit('.', 1)[-1], sorted(names), 1)
    return f'; is {near[0]!r} meant?' if near else ': correct its name, or import its module by custom_imports'


def _shorten(text: str, most: int = 400) -> str:
    return text if len(text) <= most else text[:most].rsplit(' ', 1)[0] + ' ...'
