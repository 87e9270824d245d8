"""The faults: flipped bits, kills, full disks, two writers, readers beside a writer."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from faults.subjects import SUBJECTS, TOLD, Subject, WrongError

#: By what became of each try: 'as written', 'older' (the state before, where that is meant to be taken), 'refused' with
#: a message, 'lost' (a state that was saved), 'wrong' (content that was never written), 'raw' (another error).
Result = Counter
#: States that are written before a fault.
BEFORE = 3


def outcome(subject: Subject, folder: Path, least: int, most: int | None = None) -> str:
    """What reading finds, where the states from ``least`` to ``most`` are right."""
    try:
        state = subject.read(folder)
    except WrongError as error:
        return tell('wrong', subject, error)
    except TOLD as error:
        return 'refused' if '\n' not in str(error) else tell('raw', subject, error)
    except Exception as error:
        return tell('raw', subject, error)
    if least <= state <= (least if most is None else most):
        return 'as written'
    return 'older' if subject.older and state < least else 'lost' if state < least else 'wrong'


def tell(what: str, subject: Subject, error: Exception) -> str:
    """``what``, whose reason is printed."""
    print(f'{subject.name}: {what}: {type(error).__name__}: {error}'[:400], file=sys.stderr)
    return what


def prepare(subject: Subject, folder: Path, states: int = BEFORE) -> Path:
    """A new folder in state ``states``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for state in range(1, states + 1):
        subject.write(folder, state)
    return folder


def flips(subject: Subject, folder: Path, tries: int, seed: int) -> Result:
    """One flipped bit at a time, half of them anywhere, half in a file drawn first, so that small files are met."""
    states = subject.states if subject.states < 100 else BEFORE
    prepare(subject, folder, states)
    files = [
        path for path in sorted(folder.rglob('*')) if path.is_file() and path.name[0] != '.' and path.stat().st_size
    ]
    files = [path for path in files if path.name != 'README.md']
    sizes = [path.stat().st_size for path in files]
    draws, result = random.Random(seed), Result()
    for number in range(tries):
        (path,) = draws.choices(files, sizes if number % 2 else None)
        content = path.read_bytes()
        damaged = bytearray(content)
        damaged[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        path.write_bytes(damaged)
        result[outcome(subject, folder, states)] += 1
        path.write_bytes(content)
    return result


def _write_on(name: str, folder: Path, told: Any, states: list[int] | None) -> None:
    """Writes ``states``, or one after the other for ever, and tells each that is there; and when another writer was."""
    subject = SUBJECTS[name]
    for state in states if states is not None else range(subject.read(folder) + 1, subject.states + 1):
        while True:
            try:
                subject.write(folder, state)
                break
            except TOLD as error:
                told.send(f'refused {type(error).__name__}')
                time.sleep(0.002)
        told.send(state)


@cache
def _server() -> Any:
    """Processes are forked from one that has imported all."""
    # Python 3.11 does not hand sys.path to it.
    os.environ['PYTHONPATH'] = os.pathsep.join(sys.path)
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['faults.subjects'])
    return context


@contextmanager
def writing(subject: Subject, folder: Path, states: list[int] | None = None) -> Iterator[tuple[Any, Any]]:
    """A process that writes, and what it tells."""
    ours, theirs = _server().Pipe(duplex=False)
    process = _server().Process(target=_write_on, args=(subject.name, folder, theirs, states))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()


def heard(pipe: Any) -> Iterator[Any]:
    """All that a process has told, and will."""
    try:
        while True:
            yield pipe.recv()
    except EOFError:
        return


def kills(subject: Subject, folder: Path, tries: int, seed: int) -> Result:
    """SIGKILL to a process that writes, at any moment; what it had said is saved must be there."""
    draws, result = random.Random(seed), Result()
    for _ in range(tries):
        prepare(subject, folder)
        with writing(subject, folder) as (process, pipe):
            last = [pipe.recv() for _ in range(draws.randrange(1, 5))][-1]
            time.sleep(draws.uniform(0, 0.05))
            process.kill()
            last = max([last, *heard(pipe)])
        found = outcome(subject, folder, last, last + 1)
        if found == 'as written':
            # And the next one goes on from there.
            now = subject.read(folder)
            if now < subject.states:
                subject.write(folder, now + 1)
                found = outcome(subject, folder, now + 1)
        result[found] += 1
    return result


def full_disks(subject: Subject, folder: Path, tries: int, seed: int) -> Result:
    """A disk with room for a part of what is to be written; the state before must stay, and the next one be possible.

    Raises:
        PermissionError: No disk can be mounted here; it takes root.
    """
    draws, result = random.Random(seed), Result()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'none', str(folder)], capture_output=True)
    if mounted.returncode:
        raise PermissionError('a small disk could not be mounted')
    try:
        own, ballast = folder / 'own', folder / 'ballast'
        size = _used(prepare(subject, own)) // BEFORE
        while sum(result.values()) < tries:
            prepare(subject, own)
            free = shutil.disk_usage(folder).free
            ballast.write_bytes(bytes(max(free - draws.randrange(2 * size), 0)))
            state, found = BEFORE, ''
            try:
                while not found and state < BEFORE + 20:
                    subject.write(own, state + 1)
                    state += 1
            except Exception as error:
                # LanceDB's error is no OSError.
                full = isinstance(error, OSError) or 'No space' in str(error)
                found = 'full' if full else tell('raw', subject, error)
            gc.collect()  # of what could not be written, which would hold its lock
            if found == 'full':
                found = outcome(subject, own, state)
            ballast.unlink()
            if found == 'as written':
                subject.write(own, state + 1)
                found = outcome(subject, own, state + 1)
            result[found] += bool(found)
    finally:
        subprocess.run(['umount', '--lazy', str(folder)], check=True)
    return result


def _used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())


def two_writers(subject: Subject, folder: Path, tries: int, seed: int) -> Result:
    """Two processes write ten states each at once, waiting where one is refused; all must be there."""
    result = Result()
    for _ in range(max(tries // 10, 1)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with (
            writing(subject, folder, list(range(1, 11))) as one,
            writing(subject, folder, list(range(11, 21))) as other,
        ):
            told = [what for _, pipe in (one, other) for what in heard(pipe)]
            ended = all(process.join() is None and process.exitcode == 0 for process, _ in (one, other))
        written = [state for state in told if isinstance(state, int)]
        result['refused, then written'] += len(told) - len(written)
        if not ended or len(written) != 20:
            result['raw'] += 1
        else:
            result[outcome(subject, folder, 20 if subject.adds else 10, 20)] += 1
    return result


def readers(subject: Subject, folder: Path, tries: int, seed: int) -> Result:
    """Reads while a process writes: the state is never one that was not there, and never goes back."""
    result, newest = Result(), BEFORE
    states = subject.states if subject.states < 100 else 10**6
    prepare(subject, folder, states if states == subject.states else BEFORE)
    read = subject.beside or subject.read
    newest = read(folder)
    with writing(subject, folder, list(range(newest + 1, newest + 41))) as (process, _):
        while process.is_alive() and sum(result.values()) < tries:
            try:
                state = read(folder)
            except WrongError as error:
                result[tell('wrong', subject, error)] += 1
            except TOLD:
                result['refused'] += 1
            except Exception as error:
                result[tell('raw', subject, error)] += 1
            else:
                result['as written' if state >= newest else 'lost'] += 1
                newest = max(state, newest)
    result['states passed'] = newest - BEFORE
    return result


FAULTS: dict[str, Callable[[Subject, Path, int, int], Result]] = {
    'flipped bits': flips,
    'kill -9': kills,
    'full disk': full_disks,
    'two writers': two_writers,
    'reader beside a writer': readers,
}
