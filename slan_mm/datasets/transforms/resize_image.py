"""Resizing to the model's input size."""

from mmcv.transforms import Resize

from slan_mm.arguments import check_argument, image_size
from slan_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ResizeImage(Resize):
    """``mmcv.transforms.Resize`` to a fixed (height, width), without keeping the aspect ratio, bicubic by Pillow.

    Pillow, because it averages over the pixels that shrink into one; OpenCV's bilinear and bicubic skip them.
    Without the aspect ratio, normalised coordinates stay what they were.

    Args:
        size: Side in pixels, or (height, width).

    Raises:
        ValueError: ``size`` is no size.
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        height, width = check_argument('size', size, image_size)
        super().__init__(scale=(width, height), keep_ratio=False, backend='pillow', interpolation='bicubic')
