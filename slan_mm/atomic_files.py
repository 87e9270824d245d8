"""Files that are written whole or not at all."""

import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

_END = '.writing'


@contextmanager
def replaced_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a temporary path to write to; on leaving without an error it becomes ``path``, in one step.

    The data are on the disk before the name changes, so that a process killed at any moment, and a machine that loses
    power, leave either the old file or the new one. The temporary file is new and has a name of its own: two writers of
    one path do not mix, the later one's file stays, and no link at that name is followed. What a killed process of this
    machine has left half-written is removed by the next writer of the path.
    """
    path = Path(path)
    temporary = _temporary(path)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # A full disk does not say what was being written.
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replaced_together(folder: str | os.PathLike, names: Sequence[str]) -> Iterator[Path]:
    """Gives a temporary folder to write to; on leaving without an error its files and folders ``names`` become those of
    ``folder``, one after the other in this order, and those of ``names`` that it lacks are removed there.

    Until then ``folder`` stays as it was, so that only a process that is killed while it renames leaves some new and
    some old. Temporary folders are otherwise as those of :func:`replaced_atomically`.
    """
    folder = Path(folder)
    temporary = _temporary(folder / 'files')
    temporary.mkdir(mode=0o777)
    try:
        (temporary / 'new').mkdir()
        (temporary / 'old').mkdir()
        yield temporary / 'new'
        for file in (temporary / 'new').rglob('*'):
            if file.is_file():
                _sync(file)
        for name in names:
            new, place = temporary / 'new' / name, folder / name
            if place.is_dir() or not new.exists():  # a folder is not replaced in one step
                with suppress(FileNotFoundError):
                    os.replace(place, temporary / 'old' / name)
            if new.exists():
                os.replace(new, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """A new name beside ``path``, where leftovers of it are removed."""
    # A name may have 255 bytes.
    start = f'.{path.name.encode()[:120].decode(errors="ignore")}.{socket.gethostname()[:40]}-'
    _remove_leftovers(path.parent, start)
    return path.with_name(f'{start}{os.getpid()}-{secrets.token_hex(4)}{_END}')


def _sync(path: Path) -> None:
    with open(path, 'rb') as file:
        os.fsync(file.fileno())


def _remove_leftovers(folder: Path, start: str) -> None:
    """Removes temporary files and folders whose process is no more."""
    for leftover in folder.glob(f'{escape(start)}*{_END}'):
        process = leftover.name[len(start) :].split('-')[0]
        if process.isdecimal() and not _is_running(int(process)):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
                continue
            with suppress(OSError):
                leftover.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
