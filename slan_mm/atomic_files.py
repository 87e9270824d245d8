"""Files that are written whole or not at all."""

import os
import secrets
import socket
from collections.abc import Iterator
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
    # A name may have 255 bytes.
    start = f'.{path.name.encode()[:120].decode(errors="ignore")}.{socket.gethostname()[:40]}-'
    _remove_leftovers(path.parent, start)
    temporary = path.with_name(f'{start}{os.getpid()}-{secrets.token_hex(4)}{_END}')
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with open(temporary, 'rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # A full disk does not say what was being written.
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(folder: Path, start: str) -> None:
    """Removes temporary files whose process is no more."""
    for leftover in folder.glob(f'{escape(start)}*{_END}'):
        process = leftover.name[len(start) :].split('-')[0]
        if process.isdecimal() and not _is_running(int(process)):
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
