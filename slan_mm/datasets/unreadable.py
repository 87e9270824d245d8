"""Images that cannot be read: skipped, counted, logged; too many of them stop the run."""

import logging

import torch
from mmengine.logging import print_log
from torch.utils.data import get_worker_info

NUM_SLOTS = 257  # one for the main process, then one for each worker: no two processes write to the same


def worker_slot() -> int:
    """A number below ``NUM_SLOTS`` that belongs to this process alone, among the workers of a data loader."""
    worker = get_worker_info()
    return 0 if worker is None else 1 + worker.id % (NUM_SLOTS - 1)


class UnreadableImageError(RuntimeError):
    """An image file is missing, truncated or no image. Data sets catch it and take another sample."""


class WrongSizeError(UnreadableImageError):
    """An image has another size than its annotation says: on it the boxes would lie elsewhere, so it is not used."""


class TooManyUnreadableError(RuntimeError):
    """The share of unreadable images is above what the data set allows; the message is the summary."""


class ReadCounter:
    """Counts images read and images that could not be read, over all worker processes of a data loader.

    The counts live in shared memory, so the main process sees what its workers count. A path is logged the first time
    a process meets it and counted every time.

    Args:
        name: What is read, for messages.
        max_share: Stop when more than this share of the images tried is unreadable, in [0, 1]. 1 never stops.
        min_images: Do not judge the share before this many images were tried.

    Raises:
        ValueError: ``max_share`` is not in [0, 1].
    """

    def __init__(self, name: str, max_share: float = 0.1, min_images: int = 100) -> None:
        if not 0 <= max_share <= 1:
            raise ValueError(f'max_unreadable_share must be in [0, 1], got {max_share}')
        self.name = name
        self.max_share = max_share
        self.min_images = min_images
        self._counts = torch.zeros(NUM_SLOTS, 2, dtype=torch.int64).share_memory_()
        self._logged: dict[str, str] = {}

    @property
    def tried(self) -> int:
        """Number of images tried, readable or not."""
        return int(self._counts[:, 0].sum())

    @property
    def unreadable(self) -> int:
        """Number of times an image could not be read."""
        return int(self._counts[:, 1].sum())

    def read(self) -> None:
        """Counts an image that was read."""
        self._counts[worker_slot(), 0] += 1

    def skip(self, path: str, reason: str, count: int = 1) -> None:
        """Counts and logs an image that could not be read, or the ``count`` ones of a file.

        Raises:
            TooManyUnreadableError: The share of such images is above ``max_share``.
        """
        slot = worker_slot()
        self._counts[slot] += count
        if path not in self._logged:
            self._logged[path] = reason
            print_log(f'{self.name}: skipped unreadable image {path}: {reason}', 'current', logging.WARNING)
        tried, unreadable = self.tried, self.unreadable
        if tried >= self.min_images and unreadable > self.max_share * tried:
            raise TooManyUnreadableError(self.summary())

    def summary(self) -> str:
        """The counts, the limit and some of the paths, in words."""
        tried, unreadable = self.tried, self.unreadable
        share = 100 * unreadable / max(1, tried)
        examples = ''.join(f'\n  {path}: {reason}' for path, reason in list(self._logged.items())[:5])
        return (
            f'{self.name}: {unreadable} of {tried} images tried could not be read ({share:.1f} %; allowed are '
            f'{100 * self.max_share:.1f} %). Repair or remove them, check the image folder, or raise '
            f'max_unreadable_share. Some of them:{examples or " (met by another worker, see the log)"}'
        )
