"""Folders that one process at a time changes, while any number read them.

The locks are the kernel's (``flock``), so a killed process holds none. On a network file system they hold between
machines only where it passes them on: NFS 4 and CephFS do, Lustre with the mount option ``flock``. On one that has no
locks at all a warning says so and nothing is held.
"""

import errno
import fcntl
import json
import os
import socket
import time
import warnings
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_WRITER, _READERS = '.lock', '.readers'
_NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)


class FolderInUseError(RuntimeError):
    """A folder that another process is changing."""


class _Held:
    """An open file with a lock, until :meth:`release`, the end of a ``with``, or the process's end."""

    _file: int | None = None  # of one that could not be opened, too

    def __init__(self, file: int | None) -> None:
        self._file, self._process = file, os.getpid()
        _ALL.add(self)

    def release(self) -> None:
        """Gives the lock back."""
        if self._file is not None:
            if os.getpid() == self._process:
                # Else a process that has just been forked would hold it until it has closed the file.
                with suppress(OSError):
                    fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> '_Held':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


_ALL: weakref.WeakSet[_Held] = weakref.WeakSet()
# Worker processes would hold the locks of a parent that was killed.
os.register_at_fork(after_in_child=lambda: [held.release() for held in list(_ALL)])


class FolderLock(_Held):
    """Makes ``folder``, which is made if need be, this process's to change.

    Raises:
        FolderInUseError: It is another's, or another lock's of this process; the message says whose, and since when.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        super().__init__(_open(Path(folder) / _WRITER))
        if not _lock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            holder = _describe(os.pread(self._file, 1000, 0))
            self.release()
            raise FolderInUseError(
                f'{folder} is being changed by {holder}. Wait until that has ended, or take another folder'
            )
        note = json.dumps(dict(pid=os.getpid(), host=socket.gethostname(), since=time.strftime('%Y-%m-%d %H:%M:%S')))
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, note.encode(), 0)


class FolderReader(_Held):
    """Has whoever changes ``folder`` leave the files that are there, see :func:`lock_out_readers`.

    Holds nothing in a folder that no writer has made ready (:func:`admit_readers`).
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        try:
            super().__init__(os.open(Path(folder) / _READERS, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        except OSError:
            super().__init__(None)
        else:
            _lock(self._file, fcntl.LOCK_SH)


def admit_readers(folder: str | os.PathLike) -> None:
    """Makes ``folder`` ready for :class:`FolderReader`."""
    os.close(_open(Path(folder) / _READERS))


def lock_out_readers(folder: str | os.PathLike) -> _Held | None:
    """None if somebody reads ``folder``; else nobody begins to until what this returns is released."""
    held = _Held(_open(Path(folder) / _READERS))
    if _lock(held._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
        return held
    held.release()
    return None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def _lock(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(f'this file system has no locks ({error}): let one process at a time write there', stacklevel=3)
    return True


def _describe(note: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        who = json.loads(note)
        return f'process {who["pid"]:d} on {who["host"]}, since {who["since"]}'
    return 'another process'
