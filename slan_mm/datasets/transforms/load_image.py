"""Reading image files of every kind as upright RGB."""

import io
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, UnidentifiedImageError

from slan_mm.datasets.image_size import set_original_shape
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.extras import require_extra
from slan_mm.registry import TRANSFORMS

# What Pillow's plugins raise on damaged files, beside OSError (which UnidentifiedImageError is).
_DAMAGED = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, struct.error, zlib.error,
    OverflowError, Image.DecompressionBombError,
)  # fmt: skip

#: Formats that are read, whatever a file's name. Others of Pillow's start programs (EPS) or are no photographs.
FORMATS = (
    'JPEG', 'MPO', 'PNG', 'WEBP', 'AVIF', 'HEIF', 'GIF', 'TIFF', 'BMP', 'DIB', 'PPM', 'JPEG2000', 'ICO', 'PCX', 'SGI',
    'TGA',
)  # fmt: skip
_HEIC = {b'heic', b'heix', b'heim', b'heis', b'hevc', b'hevx'}  # brands of a file; AVIF shares others with it
_START = 64  # bytes that tell HEIC
#: The most pixels of an image; a few KB may hold hundreds of millions, and fill the memory.
MAX_PIXELS = 50_000_000

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = tuple(_UPRIGHT[value] for value in (5, 6, 7, 8))


def load_image(path: str, content: bytes | None = None, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The image file ``path`` (or its ``content``) as it is meant to be looked at.

    Args:
        path: Path of the file; with ``content`` only a name for messages.
        content: The bytes of the file.
        max_pixels: A larger image is not decoded.

    Returns:
        (H, W, 3) uint8 RGB: turned upright as EXIF says; transparency (RGBA, palette, a transparent colour) shown on
        white; CMYK and other colour spaces converted; 16-bit values scaled to 8 bits, not clipped; first frame of an
        animation. ICC profiles are not applied.

    Raises:
        UnreadableImageError: The file is missing, truncated, not an image of ``FORMATS``, too large, or no regular
            file but a pipe or a device.
    """
    with _opened(path, lambda: io.BytesIO(_regular(path).read_bytes() if content is None else content)) as image:
        if image.width * image.height > max_pixels:
            raise ValueError(f'{image.width} x {image.height} pixels are more than max_pixels = {max_pixels}')
        image.load()
        return np.array(to_rgb(_upright(image)))


def upright_size(path: str) -> tuple[int, int]:
    """The (height, width) that :func:`load_image` gives an image file, of which the header alone is read.

    Raises:
        UnreadableImageError: The file is missing, not an image of ``FORMATS``, or no regular file.
    """
    with _opened(path, lambda: _regular(path).open('rb')) as image:
        size = image.height, image.width
        return size[::-1] if _turn(image) in _ON_ITS_SIDE else size


@contextmanager
def _opened(path: str, read: Callable[[], BinaryIO]) -> Iterator[Image.Image]:
    """The image in what ``read`` returns; what goes wrong with it is an UnreadableImageError of ``path``."""
    Image.init()
    start = b''
    try:
        with read() as file:
            start = file.read(_START)
            file.seek(0)
            if _is_heic(start):
                _learn_heic()
            with Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
                yield image
    except ModuleNotFoundError as error:
        raise UnreadableImageError(f'Cannot read image {path}: {error}') from error
    except UnidentifiedImageError as error:
        why = 'not an image, damaged, or of a format that is not read; JPEG, PNG and WebP are'
        raise UnreadableImageError(f'Cannot read image {path} ({why if start else "the file is empty"}).') from error
    except _DAMAGED as error:
        raise UnreadableImageError(f'Cannot read image {path} ({type(error).__name__}: {error}).') from error


def _is_heic(start: bytes) -> bool:
    """Whether a file begins as HEIC does: its first box has a length, 'ftyp', a brand, a version, and other brands."""
    box = start[: int.from_bytes(start[:4], 'big')]
    brands = {box[place : place + 4] for place in (8, *range(16, len(box), 4))}
    return box[4:8] == b'ftyp' and not brands.isdisjoint(_HEIC)


def _learn_heic() -> None:
    """Has Pillow read HEIC, upright by itself; needs the extra ``heic``."""
    require_extra('heic')
    import pi_heif

    if 'HEIF' not in Image.OPEN:
        pi_heif.register_heif_opener()


def _regular(path: str) -> Path:
    """The path of a regular file; a pipe would be waited for, and a device has no end."""
    file = Path(path)
    if not stat.S_ISREG(file.stat().st_mode):
        raise ValueError('not a regular file')
    return file


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What makes ``image`` upright, by its EXIF. Broken EXIF, common on the web, does not make it unreadable."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION))
    except _DAMAGED:
        return None


def _upright(image: Image.Image) -> Image.Image:
    turn = _turn(image)
    return image if turn is None else image.transpose(turn)


def to_rgb(image: Image.Image) -> Image.Image:
    """``image`` of any Pillow mode in mode RGB, see ``load_image``."""
    if image.mode == 'RGB' and 'transparency' not in image.info:
        return image
    if image.mode in ('I', 'F') or image.mode.startswith('I;16'):
        image = _to_8_bits(image)
    if image.mode in ('RGBA', 'RGBa', 'LA', 'La', 'PA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert('RGB')
    return image.convert('RGB')


def _to_8_bits(image: Image.Image) -> Image.Image:
    """A grayscale image of 16 bits, or of mode I or F, in mode L. Pillow's own conversion clips at 255.

    NaN, as in masked parts of a depth map, is black.

    Raises:
        ValueError: No value is finite.
    """
    values = np.asarray(image).astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError('no pixel has a finite value')
    most = values[finite].max()
    values = np.nan_to_num(values, nan=0.0, posinf=most, neginf=0.0)
    if image.mode.startswith('I;16') or most > 255:
        values = values / 257  # 65535 -> 255
    elif image.mode == 'F' and most <= 1:
        values = values * 255
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Loads ``results['img_path']``, or ``results['img_bytes']`` where the file lies in an archive.

    Adds ``img`` (H, W, 3) uint8 RGB, see ``load_image``; ``img_shape`` (H, W); and ``ori_shape``, the same, unless the
    annotation has told another size of the original.

    Args:
        max_pixels: A larger image counts as unreadable.

    Raises:
        UnreadableImageError: The data set catches it and takes another sample. Also where the annotation's height and
            width have changed places, so that boxes of it lie elsewhere.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        """``results`` with the image."""
        img = load_image(results['img_path'], results.pop('img_bytes', None), self.max_pixels)
        results['img'] = img
        results['img_shape'] = img.shape[:2]
        set_original_shape(results, img.shape[:2])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(max_pixels={self.max_pixels})'
