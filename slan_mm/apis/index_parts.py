"""Common parts of the indexes of images, for all engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.apis.picture_table import IndexedPicture
from slan_mm.datasets.pictures import file_state
from slan_mm.feature_store import FeatureStoreError, refuse_other

FORMAT = 3
#: The entries of the header that an index is refused by, in words.
WHAT = {
    'weights': 'weights of the model',
    'model': 'config of the model',
    'picture_size': 'size of the pictures',
}
EMPTY = 'The index of pictures {folder} is empty or does not exist. Add some: python tools/index.py add'
_HOW = 'Give the config and the checkpoint it was made with, or make another index: python tools/index.py add'


class PictureIndexError(RuntimeError):
    """An index is missing, damaged, of another model, or was changed by another process."""


class Found(NamedTuple):
    """The images nearest to a text, best first, and their summaries."""

    pictures: list[IndexedPicture]
    summary: PictureSummary


def check_format(folder: Path, header: Mapping[str, Any]) -> None:
    """Refuses an index that has another format version.

    Raises:
        PictureIndexError: it has; the message says how to make the index again.
    """
    if header.get('format') != FORMAT:
        raise PictureIndexError(
            f'The index of pictures {folder} is of another version of slan_mm. Remove the folder and index the '
            f'pictures again: python tools/index.py add {folder} CONFIG CHECKPOINT PICTURES'
        )


def check_header(folder: Path, header: dict[str, Any], expected: Mapping[str, Any] | None) -> None:
    """Refuses an index whose ``header`` is not the ``expected`` one; None takes any of this version.

    Raises:
        PictureIndexError: names what differs.
    """
    check_format(folder, header)
    try:
        refuse_other(folder, header, dict(expected or {}), WHAT, _HOW)
    except FeatureStoreError as error:
        raise PictureIndexError(str(error).replace('feature store', 'index of pictures')) from error


def changed_pictures(pictures: Mapping[str, IndexedPicture], paths: Sequence[str]) -> list[str]:
    """Those of ``paths`` that are not among ``pictures``, or whose files were changed or removed."""

    def is_new(path: str) -> bool:
        picture = pictures.get(path)
        return picture is None or file_state(path) != (picture.bytes, picture.modified_ns)

    return [path for path in paths if is_new(path)]
