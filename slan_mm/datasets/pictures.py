"""Pictures that a user hands over: a file, an array or a PIL image."""

import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from mmengine.logging import print_log
from PIL import Image, ImageOps

from slan_mm.datasets.transforms.load_image import load_image, to_rgb
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.file_endings import PICTURES
from slan_mm.home_folder import expanded
from slan_mm.plain_text import is_whole

#: A file's path; a (H, W, 3) uint8 array, RGB; or a PIL image of any mode.
Picture: TypeAlias = str | Path | np.ndarray | Image.Image


def read_picture(picture: Picture) -> np.ndarray:
    """``picture`` as (H, W, 3) uint8 RGB, upright; files are read as the data sets read them.

    Raises:
        UnreadableImageError: A file, or a PIL image's, is missing, truncated or no image.
        ValueError: A web address, an array that is not (H, W, 3) uint8, or a PIL image without pixels.
        TypeError: Something else.
    """
    if isinstance(picture, str | Path):
        return load_image(str(find_picture(picture)))
    if isinstance(picture, Image.Image):
        check_picture(picture)
        try:
            return np.array(to_rgb(ImageOps.exif_transpose(picture)))
        except (OSError, ValueError) as error:
            raise UnreadableImageError(f'Cannot read a PIL image ({type(error).__name__}: {error}).') from error
    return check_picture(picture)


def check_picture(picture: Any) -> Any:
    """``picture``, which is a path, a PIL image or an array as it must be; no file is looked for.

    Raises:
        ValueError: An array that is not (H, W, 3) uint8, a PIL image without pixels, or an empty path.
        TypeError: Something else.
    """
    if isinstance(picture, str | Path):
        if not str(picture).strip() or '\0' in str(picture):
            raise ValueError(f'{str(picture)!r} is no path of a picture')
        return picture
    if isinstance(picture, Image.Image):
        if not (picture.width and picture.height):
            raise ValueError(f'a picture of {picture.width} x {picture.height} has no pixels')
        return picture
    if not isinstance(picture, np.ndarray):
        raise TypeError(f'a picture is a path, a NumPy array or a PIL image, not {type(picture).__name__}')
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f'an array must be (H, W, 3) uint8 RGB, got {picture.shape} {picture.dtype}')
    return picture


def file_state(path: str | os.PathLike) -> tuple[int, int] | None:
    """Size and time of change (ns) of a file, by which a changed one is known; None if there is none."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return None
    return stat.st_size, stat.st_mtime_ns


def picture_name(picture: Any, number: int) -> str:
    """What ``picture`` is called in results: its path, or ``picture-<number>`` where it is no file."""
    return str(picture) if isinstance(picture, str | Path) else f'picture-{number}'


def find_picture(picture: Any) -> Any:
    """``picture``; if it is a path, one that is there, with ``~`` for the home folder resolved.

    Raises:
        UnreadableImageError: There is no such file, or its name is not UTF-8.
        ValueError, TypeError: A web address, or no picture, see :func:`check_picture`.
    """
    if not isinstance(check_picture(picture), str | Path):
        return picture
    if not is_whole(str(picture)):
        raise UnreadableImageError(f'the name of the picture {str(picture)!a} is not UTF-8: rename it')
    if str(picture).startswith(('http://', 'https://')):
        raise ValueError(f'{picture} is a web address: download the picture and give its path')
    path = expanded(picture)
    # Unlike pathlib it answers for a name that is longer than file systems take, too.
    if not os.path.exists(path):
        raise UnreadableImageError(f'there is no picture {picture}')
    return path


def list_pictures(
    inputs: Picture | Sequence[Picture], endings: Collection[str] = PICTURES, skipped: list[str] | None = None
) -> list[Picture]:
    """Pictures, and of folders the files of these ``endings`` by name, as a list. No file is opened.

    Names that are not UTF-8, as from an archive made on Windows, can be written nowhere. In a folder they are left out;
    ``skipped`` gets them, or else the log.

    Raises:
        UnreadableImageError: There is no such file or folder, or its name is not UTF-8.
        ValueError: A web address; a folder has no picture, or none was given.
    """
    pictures: list[Picture] = []
    bad: list[str] = []
    for picture in inputs if isinstance(inputs, list | tuple) else [inputs]:
        path = find_picture(picture)
        if not isinstance(path, Path) or not path.is_dir():
            pictures.append(path)
            continue
        named = [file for file in sorted(path.iterdir()) if file.suffix.lower() in endings]
        inside = [file for file in named if is_whole(str(file))]
        bad += [ascii(str(file)) for file in named if not is_whole(str(file))]
        if not inside:
            looked = f'looked for files that end in {", ".join(sorted(endings))}'
            raise ValueError(
                f'no picture in {path}: {f"no name of {len(named)} is UTF-8, rename them" if named else looked}'
            )
        pictures += inside
    if not pictures:
        raise ValueError('no picture was given')
    if skipped is not None:
        skipped += bad
    elif bad:
        print_log(
            f'{len(bad)} pictures are left out, their names are not UTF-8: rename them. The first is {bad[0]}',
            'current',
            logging.WARNING,
        )
    return pictures
