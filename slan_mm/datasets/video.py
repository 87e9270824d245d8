"""Frames of video files, decoded by PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.extras import require_extra


def load_frames(path: str, choose: Callable[[int], np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Some frames of the first video stream of a file.

    The video is decoded from its start up to the last frame wanted: seeking lands on key frames only. Where the file
    does not tell its number of frames, or tells one too many, it is decoded twice.

    Args:
        path: The file.
        choose: From the number of frames to the rising indices wanted, which may repeat; asked again where the file
            told a wrong number.

    Returns:
        The frames at these indices, each (H, W, 3) uint8 RGB, turned upright as the file says; and the number of
        frames.

    Raises:
        ModuleNotFoundError: The extra ``video`` is not installed.
        UnreadableImageError: The file is missing, damaged, or holds no video frame.
    """
    require_extra('video')
    import av

    try:
        total = _announced(av, path) or _count(av, path)
        if total:
            frames, decoded = _decode(av, path, choose(total))
            if frames is None and decoded:
                total = decoded
                frames, _ = _decode(av, path, choose(total))
            if frames is not None:
                return frames, total
    # FFmpeg's errors, and what PyAV raises on headers that make no sense.
    except (av.error.FFmpegError, OSError, ValueError, IndexError, OverflowError) as error:
        raise UnreadableImageError(f'Cannot read video {path} ({type(error).__name__}: {error}).') from error
    raise UnreadableImageError(f'Cannot read video {path}: it has no video frame.')


def _announced(av: ModuleType, path: str) -> int:
    """The number of frames that the file's header tells; 0 where it tells none, or there is no video stream."""
    with av.open(path) as container:
        return container.streams.video[0].frames if container.streams.video else 0


def _count(av: ModuleType, path: str) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0)) if container.streams.video else 0


def _decode(av: ModuleType, path: str, wanted: np.ndarray) -> tuple[list[np.ndarray] | None, int]:
    """The frames ``wanted``, or None where the video ends before the last of them; and how many were decoded."""
    last = int(wanted[-1])
    pictures: dict[int, np.ndarray] = {}
    indices = set(wanted.tolist())
    decoded = 0
    with av.open(path) as container:
        for index, frame in enumerate(container.decode(video=0)):
            decoded = index + 1
            if index in indices:
                pictures[index] = _picture(frame)
            if index == last:
                return [pictures[number] for number in wanted.tolist()], decoded
    return None, decoded


def _picture(frame: Any) -> np.ndarray:
    # Degrees counter-clockwise, a multiple of 90 in what cameras write.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format='rgb24'), turns))
