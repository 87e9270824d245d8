"""What ITM reads of an index's pictures, on disk as far as there is room: it can be computed again from the files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch

from slan_mm.feature_store import FeatureStoreError, StoredRecord, save_record
from slan_mm.structures import ImageFeatures


class PictureFeatures:
    """Features in ``folder``, a file a picture, in half precision. Any number of processes may use it at once.

    Args:
        folder: of the files; it is made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int) -> Path:
        """The file of the picture with the id ``number``."""
        return self.folder / f'{number:08d}.safetensors'

    def get(self, number: int) -> ImageFeatures | None:
        """The features of one picture; None if they are not there, or not what was written."""
        path = self.path(number)
        try:
            features = StoredRecord(path)[torch.zeros(1, dtype=torch.long)]
        except FeatureStoreError:
            return None
        with suppress(OSError):
            os.utime(path)  # used just now
        return features if isinstance(features, ImageFeatures) else None

    def put(self, number: int, features: ImageFeatures) -> None:
        """Keeps the features of one picture.

        Raises:
            FeatureStoreError: they are not finite in half precision.
            OSError: they cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        save_record(self.path(number), features, torch.float16)

    def shrink(self, limit: float) -> None:
        """Removes those that were not used for longest, until the files have ``limit`` bytes at most."""
        files = []
        with suppress(OSError):
            for entry in os.scandir(self.folder):
                with suppress(OSError):
                    if entry.name.endswith('.safetensors'):
                        state = entry.stat()
                        files.append((state.st_mtime_ns, state.st_size, entry.path))
        size = sum(file[1] for file in files)
        for _, own, path in sorted(files):
            if size <= limit:
                break
            with suppress(OSError):
                os.unlink(path)
            size -= own
