"""Reading image files of every kind as upright RGB."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.registry import TRANSFORMS

# What Pillow's plugins raise on damaged files, beside OSError (which UnidentifiedImageError is).
_DAMAGED = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, struct.error, zlib.error,
    OverflowError, Image.DecompressionBombError,
)  # fmt: skip

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


def load_image(path: str, content: bytes | None = None) -> np.ndarray:
    """The image file ``path`` (or its ``content``) as it is meant to be looked at.

    Args:
        path: Path of the file; with ``content`` only a name for messages.
        content: The bytes of the file.

    Returns:
        (H, W, 3) uint8 RGB: turned upright as EXIF says; transparency (RGBA, palette, a transparent colour) shown on
        white; CMYK and other colour spaces converted; 16-bit values scaled to 8 bits, not clipped; first frame of an
        animation. ICC profiles are not applied.

    Raises:
        UnreadableImageError: The file is missing, truncated, or not an image.
    """
    try:
        with Image.open(io.BytesIO(Path(path).read_bytes() if content is None else content)) as image:
            image.load()
            return np.array(to_rgb(_upright(image)))
    except _DAMAGED as error:
        raise UnreadableImageError(f'Cannot read image {path} ({type(error).__name__}: {error}).') from error


def _upright(image: Image.Image) -> Image.Image:
    """``image`` turned as its EXIF says. Broken EXIF, common on the web, does not make an image unreadable."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION))
    except _DAMAGED:
        turn = None
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
    """A grayscale image of 16 bits, or of mode I or F, in mode L. Pillow's own conversion clips at 255."""
    values = np.asarray(image).astype(np.float64)
    if image.mode.startswith('I;16') or values.max() > 255:
        values = values / 257  # 65535 -> 255
    elif image.mode == 'F' and values.max() <= 1:
        values = values * 255
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Loads ``results['img_path']``, or ``results['img_bytes']`` where the file lies in an archive.

    Adds ``img`` (H, W, 3) uint8 RGB, see ``load_image``; ``img_shape`` (H, W); and ``ori_shape``, the same, unless the
    annotation has told another size of the original.

    Raises:
        UnreadableImageError: The data set catches it and takes another sample.
    """

    def transform(self, results: dict) -> dict:
        """``results`` with the image."""
        img = load_image(results['img_path'], results.pop('img_bytes', None))
        results['img'] = img
        results['img_shape'] = img.shape[:2]
        results.setdefault('ori_shape', img.shape[:2])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
