"""Reading pictures for OpenMMLab's own data sets, as all others are read; in training some may be damaged."""

from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmengine import fileio

from slan_mm.datasets.image_size import check_size
from slan_mm.datasets.transforms.load_image import load_image
from slan_mm.datasets.unreadable import ReadCounter, UnreadableImageError
from slan_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageFromFile(MMCVLoadImageFromFile):
    """mmcv's transform of this name, whose pictures are decoded by :func:`load_image`, as everywhere here.

    mmcv's own clips 16-bit values or not and shows what is transparent in black, in grey or in white, each decoder in
    its own way, so that a detector would be tested on other pictures than it was trained on.

    Args:
        backend_args: Of MMEngine's file backend, for paths that are not local.

    Raises:
        UnreadableImageError: The file is missing, truncated or no image, or has another ``height`` and ``width`` than
            the data set's annotation tells of it.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        super().__init__(backend_args=backend_args)

    def transform(self, results: dict) -> dict | None:
        """``results`` with ``img`` (H, W, 3) uint8, BGR as mmdet takes it, and its shapes."""
        path = results['img_path']
        elsewhere = self.backend_args is not None or '://' in path
        image = load_image(path, fileio.get(path, self.backend_args) if elsewhere else None)
        results['img'] = np.ascontiguousarray(image[..., ::-1])
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        check_size(results, image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadImageOrSkip(LoadImageFromFile):
    """:class:`LoadImageFromFile` for training on files that may be missing, truncated or no images.

    Such a file is counted and logged with its path, and the data set takes another one: OpenMMLab's do so when a
    transform returns None.

    Args:
        max_unreadable_share: Stop when more than this share of the images tried is unreadable, in [0, 1].
        options: Those of :class:`LoadImageFromFile`.

    Raises:
        TooManyUnreadableError: Too many images are unreadable; the message is the summary.
    """

    def __init__(self, max_unreadable_share: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.counter = ReadCounter('training images', max_unreadable_share)

    def transform(self, results: dict) -> dict | None:
        """As :meth:`LoadImageFromFile.transform`; None where the file cannot be read."""
        try:
            loaded = super().transform(results)
        except UnreadableImageError as error:
            self.counter.skip(results['img_path'], str(error))
            return None
        except Exception as error:  # of file systems elsewhere
            self.counter.skip(results['img_path'], f'{type(error).__name__}: {error}')
            return None
        self.counter.read()
        return loaded
