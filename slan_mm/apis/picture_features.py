"""A cache on disk of the image features for ITM; they can be computed again from the image files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch

from slan_mm.feature_store import FeatureStoreError, StoredRecord, save_record
from slan_mm.structures import ImageFeatures


class PictureFeatures:
    """Features in ``folder``, one file per image, in half precision. Any number of processes may use it at once.

    Args:
        folder: of the files; it is created with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int) -> Path:
        """The file of the image with the id ``number``."""
        return self.folder / f'{number:08d}.safetensors'

    def get(self, number: int) -> ImageFeatures | None:
        """The features of one image; None if they are missing or damaged."""
        path = self.path(number)
        try:
            features = StoredRecord(path)[torch.zeros(1, dtype=torch.long)]
        except FeatureStoreError:
            return None
        with suppress(OSError):
            os.utime(path)  # used just now
        return features if isinstance(features, ImageFeatures) else None

    def put(self, number: int, features: ImageFeatures) -> None:
        """Stores the features of one image.

        Raises:
            FeatureStoreError: they are not finite in half precision.
            OSError: they cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        save_record(self.path(number), features, torch.float16)

    def shrink(self, limit: float) -> None:
        """Removes the least recently used features, until the files have at most ``limit`` bytes."""
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
