"""The storage engines of an index: our own files with FAISS, or LanceDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slan_mm.apis.index_parts import PictureIndexError
from slan_mm.apis.lance_index import LanceIndex, is_lance
from slan_mm.apis.picture_index import PictureIndex

#: By name; the first is the default.
ENGINES: dict[str, type[PictureIndex] | type[LanceIndex]] = {'faiss': PictureIndex, 'lancedb': LanceIndex}


def open_index(
    folder: str | Path, header: Mapping[str, Any] | None = None, engine: str | None = None
) -> PictureIndex | LanceIndex:
    """The index in ``folder``.

    Args:
        folder: of the index.
        header: see :class:`PictureIndex`.
        engine: storage of a new index, of ``ENGINES``; None: FAISS, or the engine of an existing index.

    Raises:
        ModuleNotFoundError: the engine is not installed.
        PictureIndexError: see :class:`PictureIndex`; or the index has another engine.
    """
    found = engine_of(folder)
    if found and engine and found != engine:
        raise PictureIndexError(
            f'The index of pictures {folder} is kept by {found}: leave the engine out, or make another'
        )
    return ENGINES[found or engine or 'faiss'](folder, None if header is None else dict(header))


def engine_of(folder: str | Path) -> str | None:
    """The engine of the index in ``folder``; None if there is none."""
    if (Path(folder) / 'index.json').is_file():
        return 'faiss'
    return 'lancedb' if is_lance(Path(folder)) else None
