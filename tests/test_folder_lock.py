"""One process changes a folder, others read it meanwhile."""

import errno
import fcntl
import gc
import os
import signal
import sys

import pytest

from slan_mm.folder_lock import FolderInUseError, FolderLock, FolderReader, admit_readers, lock_out_readers


def in_a_fork(function):
    """Runs ``function`` in a process of its own, which is killed after it; its exit code."""
    child = os.fork()
    if not child:
        try:
            function()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def test_the_second_is_told_who_has_the_folder(tmp_path):
    folder = tmp_path / 'new'
    with FolderLock(folder), pytest.raises(FolderInUseError) as told:
        FolderLock(folder)
    line = str(told.value)
    assert f'{folder} is being changed by process {os.getpid()} on ' in line and ', since 20' in line
    with FolderLock(folder):
        (folder / '.lock').write_text('damaged')
        with pytest.raises(FolderInUseError, match='by another process. Wait'):
            FolderLock(folder)


def test_a_killed_process_holds_nothing(tmp_path):
    assert in_a_fork(lambda: FolderLock(tmp_path)) == signal.SIGKILL
    FolderLock(tmp_path).release()


def test_a_worker_does_not_hold_the_lock_of_a_killed_parent(tmp_path):
    (ready, tell), (waiting, go) = os.pipe(), os.pipe()
    parent = os.fork()
    if not parent:
        lock = FolderLock(tmp_path)
        if not os.fork():
            os.write(tell, b'.')
            os.read(waiting, 1)
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
        lock.release()
    os.read(ready, 1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    try:
        FolderLock(tmp_path).release()
    finally:
        os.write(go, b'.')


def test_no_link_is_followed(tmp_path):
    (tmp_path / 'valuable').write_text('content')
    (tmp_path / '.lock').symlink_to(tmp_path / 'valuable')
    with pytest.raises(OSError, match='symbolic'):
        FolderLock(tmp_path)
    assert (tmp_path / 'valuable').read_text() == 'content'


def test_readers_keep_files_from_being_removed(tmp_path):
    with FolderReader(tmp_path):  # no writer has been here: nothing to hold
        pass
    admit_readers(tmp_path)
    one, other = FolderReader(tmp_path), FolderReader(tmp_path)
    with FolderLock(tmp_path):
        assert lock_out_readers(tmp_path) is None
        one.release()
        assert lock_out_readers(tmp_path) is None
        other.release()
        alone = lock_out_readers(tmp_path)
        assert alone is not None
        alone.release()


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOTSUP, 'not supported')

    monkeypatch.setattr(fcntl, 'flock', refuse)
    with pytest.warns(UserWarning, match='has no locks'), FolderLock(tmp_path):
        pass


def test_a_lock_that_cannot_be_opened_is_one_error_and_no_more(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(sys, 'unraisablehook', told.append)
    (tmp_path / '.lock').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match=r'\.lock'):
        FolderLock(tmp_path)
    gc.collect()
    # An object half made would tell of itself as it goes.
    assert told == [] and not (tmp_path / 'elsewhere').exists()
