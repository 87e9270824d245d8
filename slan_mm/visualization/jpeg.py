"""Pictures as JPEG files within a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def shrink(picture: np.ndarray, longest: int) -> np.ndarray:
    """``picture``, at most ``longest`` pixels wide and high."""
    image = Image.fromarray(picture)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(image)


def to_jpeg(picture: np.ndarray) -> bytes:
    """``picture`` (H, W, 3) uint8 as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, 'JPEG', quality=88)
    return file.getvalue()


def from_jpeg(content: bytes) -> np.ndarray:
    """The picture of :func:`to_jpeg`."""
    return np.array(Image.open(io.BytesIO(content)))


def data_uri(content: bytes) -> str:
    """A JPEG file as the address of an ``<img>``: no file of the machine is named."""
    return f'data:image/jpeg;base64,{base64.b64encode(content).decode()}'
