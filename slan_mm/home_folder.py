"""Paths that begin with a tilde."""

import os
from pathlib import Path


def expanded(path: str | os.PathLike) -> Path:
    """``path`` with the home folder for ``~`` or ``~name``; as it is where nobody has this name, as shells do."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # a file's name may begin so, too
        return Path(path)
