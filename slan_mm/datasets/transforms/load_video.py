"""Frames of a video as a sequence of pictures."""

import logging

import torch
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from slan_mm.datasets.frame_sampling import random_frames, uniform_moments
from slan_mm.datasets.unreadable import NUM_SLOTS, worker_slot
from slan_mm.datasets.video import load_frames
from slan_mm.extras import require_extra
from slan_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadVideo(BaseTransform):
    """Loads ``num_frames`` frames of the video ``results['img_path']``.

    Adds ``img``, a list of (H, W, 3) uint8 RGB frames in the video's order, ``ori_shape`` and ``img_shape``, their
    (H, W), and ``total_frames``, how many the video has. Resize the frames with ``mmpretrain.ApplyToList``, see
    ``configs/_base_/datasets/msrvtt.py``.

    A video of fewer frames gives some of them twice. Such videos are counted (``short_videos``, over all workers, every
    time one is read) and logged the first time a process meets one.

    Args:
        num_frames: m, the frames of a sequence.
        sampling: 'uniform': what is shown in the middles of m equal parts of the video's time, for evaluation.
            'random': at moments drawn by ``results['rng']``, so by (seed, epoch, index) alone, for training.

    Raises:
        ModuleNotFoundError: The extra ``video`` is not installed.
        UnreadableImageError: The video is missing, damaged or without a frame; the data set deals with it as with an
            image.
    """

    def __init__(self, num_frames: int = 8, sampling: str = 'uniform') -> None:
        if num_frames < 1:
            raise ValueError(f'num_frames must be at least 1, got {num_frames}')
        if sampling not in ('uniform', 'random'):
            raise ValueError(f"sampling must be 'uniform' or 'random', got {sampling!r}")
        require_extra('video')
        self.num_frames = num_frames
        self.sampling = sampling
        # Shared memory: the main process sees what workers count.
        self._short = torch.zeros(NUM_SLOTS, dtype=torch.int64).share_memory_()
        self._logged: set[str] = set()

    @property
    def short_videos(self) -> int:
        """How often a video of fewer than ``num_frames`` frames was read."""
        return int(self._short.sum())

    def transform(self, results: dict) -> dict:
        """``results`` with the frames."""
        path = results['img_path']
        if self.sampling == 'random':
            frames, total = load_frames(path, lambda count: random_frames(count, self.num_frames, results['rng']))
        else:
            frames, total = load_frames(path, lambda count: uniform_moments(count, self.num_frames))
        if total < self.num_frames:
            self._short[worker_slot()] += 1
            if path not in self._logged:
                self._logged.add(path)
                print_log(
                    f'{path} has {total} frames, fewer than {self.num_frames}: some are taken more than once',
                    'current',
                    logging.WARNING,
                )
        results.update(img=frames, total_frames=total, img_shape=frames[0].shape[:2])
        results.setdefault('ori_shape', frames[0].shape[:2])
        return results

    def try_file(self, path: str) -> None:
        """Raises ``UnreadableImageError`` where the video cannot be read; see ``drop_unreadable`` of the data sets."""
        load_frames(path, lambda count: uniform_moments(count, self.num_frames))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_frames={self.num_frames}, sampling={self.sampling!r})'
