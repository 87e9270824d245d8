"""Calls of Python tools for what they say of their options.

Each is a fork of one process that has imported what reading options takes: that takes half a second, and a call then a
few hundredths.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

SAID = ('returncode', 'stdout', 'stderr', 'imported')


class Done(NamedTuple):
    """How a call ended, and the modules that it had imported by then."""

    returncode: int
    stdout: str
    stderr: str
    imported: set[str]


def call_tools(
    commands: Sequence[Sequence[str]], folders: Sequence[Path], said: Path, environment: Mapping[str, str]
) -> list[Done]:
    """What each command, a tool's path and options, does in its folder. What it says is kept in files of ``said``."""
    calls = [dict(command=[*map(str, c)], folder=str(f)) for c, f in zip(commands, folders, strict=True)]
    text = json.dumps(dict(calls=calls, said=str(said)))
    subprocess.run([sys.executable, __file__], input=text, env=environment, text=True, check=True, timeout=300)
    return [_read(str(said / str(number))) for number in range(len(calls))]


def _read(said: str) -> Done:
    code, out, err, imported = (Path(f'{said}.{name}').read_text() for name in SAID)
    return Done(int(code), out, err, set(imported.split()))


def _call(command: list[str], folder: str, said: str) -> None:
    """In a fork."""
    for descriptor, name in ((1, 'stdout'), (2, 'stderr')):
        os.dup2(os.open(f'{said}.{name}', os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    os.environ |= dict(HOME=folder, TMPDIR=folder)
    sys.argv, sys.path[0] = command, str(Path(command[0]).parent)
    code: object = 0
    try:
        runpy.run_path(command[0], run_name='__main__')
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    Path(f'{said}.imported').write_text('\n'.join(sys.modules))
    Path(f'{said}.returncode').write_text(str(code))


def _main() -> None:
    import slan_mm.cli.options  # noqa: F401

    fork = multiprocessing.get_context('fork')
    asked = json.load(sys.stdin)
    for number, call in enumerate(asked['calls']):
        said = f'{asked["said"]}/{number}'
        process = fork.Process(target=_call, args=(call['command'], call['folder'], said))
        process.start()
        process.join()


if __name__ == '__main__':
    _main()
