"""Pictures that come into the app."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from slan_mm.app.messages import AppError
from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.transforms.load_image import MAX_PIXELS
from slan_mm.datasets.unreadable import UnreadableImageError

#: The largest file that is taken, in bytes.
MAX_BYTES = 20 * 1024 * 1024
#: The longer side of a picture as it is shown, in pixels.
SHOWN = 720


def read_upload(path: str | Path | None, which: str = 'picture') -> np.ndarray:
    """The picture that a user has given, (H, W, 3) uint8 RGB.

    Raises:
        AppError: There is none, it is too large, or it is no picture; the message has no path.
    """
    if not path:
        raise AppError(f'Choose a {which} first.')
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise AppError(f'The {which} is larger than {MAX_BYTES // 1024**2} MB. Make it smaller.')
        return read_picture(path)
    except (UnreadableImageError, OSError) as error:
        raise AppError(_why(error, which)) from error


def _why(error: Exception, which: str) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, Image.DecompressionBombError) or 'max_pixels' in str(cause):
        return f'The {which} has more than {MAX_PIXELS // 10**6} million pixels. Make it smaller.'
    if isinstance(cause, UnidentifiedImageError):
        return f'This file is no {which}: give a JPEG, PNG, WebP, GIF, BMP or TIFF file.'
    return f'The {which} cannot be read: the file is damaged or incomplete.'
