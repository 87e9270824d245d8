"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a temporary path to write to; on leaving without an error it becomes ``path``, in one step.

    The data are on the disk before the name changes, so that a process killed at any moment, and a machine that loses
    power, leave either the old file or the new one.
    """
    path = Path(path)
    temporary = path.with_name(f'.{path.name}.writing')
    try:
        yield temporary
        with open(temporary, 'rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
