"""Reading pictures for OpenMMLab's own data sets, some of which may be damaged."""

from typing import Any

from mmcv.transforms import LoadImageFromFile

from slan_mm.datasets.unreadable import ReadCounter
from slan_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageOrSkip(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile`` for training on files that may be missing, truncated or no images.

    Such a file is counted and logged with its path, and the data set takes another one: OpenMMLab's do so when a
    transform returns None. Pillow decodes, because OpenCV fills what a truncated file lacks with grey.

    Args:
        max_unreadable_share: Stop when more than this share of the images tried is unreadable, in [0, 1].
        options: Those of ``mmcv.transforms.LoadImageFromFile``.

    Raises:
        TooManyUnreadableError: Too many images are unreadable; the message is the summary.
    """

    def __init__(self, max_unreadable_share: float = 0.1, **options: Any) -> None:
        super().__init__(**{'imdecode_backend': 'pillow', **options})
        self.counter = ReadCounter('training images', max_unreadable_share)

    def transform(self, results: dict) -> dict | None:
        """``results`` with ``img`` (H, W, 3), BGR, and its shapes; None where the file cannot be read."""
        try:
            loaded = super().transform(results)
        except Exception as error:  # of file systems, of Pillow's plugins, of mmcv: all mean that there is no picture
            self.counter.skip(results['img_path'], f'{type(error).__name__}: {error}')
            return None
        self.counter.read()
        return loaded
