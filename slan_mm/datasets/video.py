"""Frames of video files, decoded by PyAV (FFmpeg)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.extras import require_extra

#: Containers that are read, by FFmpeg's names; others are playlists, pictures or devices.
FORMATS = (
    'mov', 'mp4', 'matroska', 'webm', 'avi', 'mpeg', 'mpegts', 'mpegvideo', 'h264', 'hevc', 'm4v', 'av1', 'obu', 'ivf',
    'ogg', 'flv', 'asf', 'mxf', 'dv', 'gif', 'apng',
)  # fmt: skip


class Frame(NamedTuple):
    """A frame of a video: its number, when it begins, in seconds from the first one, and what it shows.

    ``picture`` is (H, W, 3) uint8 RGB, upright; None where the frame is damaged.
    """

    number: int
    seconds: float
    picture: np.ndarray | None


class Frames:
    """Every n-th frame of a video file, in order; one at a time is in memory.

    Args:
        path: The file; read is the first video stream that is no cover picture.
        every: n.

    Raises:
        ModuleNotFoundError: The extra ``video`` is not installed.
        UnreadableImageError: The file is missing, damaged, or holds no video frame.
    """

    def __init__(self, path: str, every: int = 1) -> None:
        require_extra('video')

        self.path, self.every = path, every
        with _errors_of(path):
            self._times, self._numbered = _packet_times(path)
            with _opened(path) as container:
                stream = _stream(container)
                if stream is None or len(self._times) < 2:
                    raise UnreadableImageError(f'Cannot read video {path}: it has no video frame.')
                self.rate = Fraction(stream.average_rate or 25)
                self._unit = 1 / self.rate if self._numbered else Fraction(stream.time_base)
        self._wanted = range(0, len(self._times) - 1, every)

    def __len__(self) -> int:
        return len(self._wanted)

    def __iter__(self) -> Iterator[Frame]:
        wanted = iter(self._wanted)
        number = next(wanted, None)
        for met, decoded in self._decode():
            while number is not None and number < met:
                yield Frame(number, self._seconds(number), None)
                number = next(wanted, None)
            if number == met:
                yield Frame(number, self._seconds(number), _picture(decoded))
                number = next(wanted, None)
            if number is None:
                return
        if number is not None:
            yield from (Frame(one, self._seconds(one), None) for one in (number, *wanted))

    def _seconds(self, number: int) -> float:
        return float((int(self._times[number]) - int(self._times[0])) * self._unit)

    def _decode(self) -> Iterator[tuple[int, Any]]:
        """The frames that can be decoded, each with its number."""
        import av

        count = 0
        with _errors_of(self.path), _opened(self.path) as container:
            for packet in container.demux(_stream(container)):
                try:
                    decoded = packet.decode()
                except av.error.FFmpegError:
                    continue  # the frames that follow may be whole
                for frame in decoded:
                    known = not self._numbered and frame.pts is not None
                    met = int(np.searchsorted(self._times[:-1], frame.pts)) if known else count
                    count = met + 1
                    if not frame.is_corrupt:
                        yield met, frame


def load_frames(path: str, choose: Callable[[int], np.ndarray]) -> tuple[list[np.ndarray], int]:
    """What a video file shows at some moments.

    Frames may last unequally long, as in a screen recording: what counts is time. Read is the first video stream that
    is no cover picture. It is decoded from its start up to the last frame wanted: seeking lands on key frames only.
    Where the file tells more frames than it has, it is decoded twice.

    Args:
        path: The file.
        choose: From the number n of frames to the rising moments wanted, which may repeat, in [0, n): the video's time
            in units of a mean frame. An integer stands for the middle of such a frame. Asked again where the file told
            a wrong number.

    Returns:
        The frames shown at these moments, each (H, W, 3) uint8 RGB, turned upright as the file says; and the number of
        frames.

    Raises:
        ModuleNotFoundError: The extra ``video`` is not installed.
        UnreadableImageError: The file is missing, damaged, or holds no video frame.
    """
    require_extra('video')
    with _errors_of(path):
        times, numbered = _packet_times(path)
        frames = None
        if len(times) > 1:
            frames, decoded = _decode(path, times[_shown(times, choose(len(times) - 1))], numbered)
            if frames is None and len(decoded) > 1:
                times = decoded
                frames, _ = _decode(path, times[_shown(times, choose(len(times) - 1))], numbered)
        if frames is not None:
            return frames, len(times) - 1
    raise UnreadableImageError(f'Cannot read video {path}: it has no video frame.')


@contextmanager
def _errors_of(path: str) -> Iterator[None]:
    """Has FFmpeg's errors, and what PyAV raises on headers that make no sense, told as a video that is unreadable."""
    import av

    try:
        yield
    except UnreadableImageError:
        raise
    except (av.error.FFmpegError, OSError, ValueError, IndexError, OverflowError) as error:
        raise UnreadableImageError(
            f'Cannot read video {path} ({type(error).__name__}: {error}). If players show it, convert it: '
            f'ffmpeg -i FILE new.mp4'
        ) from error


def _opened(path: str) -> Any:
    """The video file ``path``, as a container of PyAV.

    FFmpeg would wait for a pipe, take a path for an address, and open the files and addresses that a playlist names.
    """
    import av

    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError('not a regular file')
    options = dict(protocol_whitelist='file', format_whitelist=','.join(FORMATS))
    return av.open(f'file:{os.path.abspath(path)}', options=options)


def _stream(container: Any) -> Any:
    """The first video stream that can be decoded and is no cover picture; None where there is none."""
    from av.stream import Disposition

    for stream in container.streams.video:
        # Without a decoder, of a codec that FFmpeg does not know, PyAV would end the process.
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def _packet_times(path: str) -> tuple[np.ndarray, bool]:
    """When each of n frames begins, and when the last one ends: (n + 1,), rising.

    The packets tell it, which need not be decoded. Where they do not, frames are numbered, as if they were equally
    long; the second result says so.
    """

    with _opened(path) as container:
        stream = _stream(container)
        packets = [] if stream is None else list(container.demux(stream))
        packets = [packet for packet in packets if packet.size and not packet.is_discard]
        if not packets or any(packet.pts is None for packet in packets):
            return np.arange(len(packets) + 1), True
        last = max(packets, key=lambda packet: packet.pts)
        return _with_end([packet.pts for packet in packets], last.duration), False


def _with_end(begins: list[int], duration: int | None) -> np.ndarray:
    """``begins`` in order, and the end; a frame of unknown duration lasts as long as most."""
    times = np.sort(np.array(begins, np.int64))
    usual = int(np.median(np.diff(times))) if len(times) > 1 else 1
    return np.append(times, times[-1] + (duration or usual))


def _shown(times: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """The index of the frame that is shown at each of ``moments``, in mean frames from the first."""
    if np.issubdtype(moments.dtype, np.integer):
        moments = moments + 0.5
    lengths = np.diff(times)
    if (lengths == lengths[0]).all():
        return moments.astype(np.int64)
    wanted = times[0] + moments * (times[-1] - times[0]) / len(lengths)
    return np.searchsorted(times, wanted, side='right') - 1


def _decode(path: str, wanted: np.ndarray, numbered: bool) -> tuple[list[np.ndarray] | None, np.ndarray]:
    """The frames that begin at ``wanted``, or None where the video ends before the last of them; and the times met.

    ``numbered``: times are numbers of frames.
    """

    pictures: dict[int, np.ndarray] = {}
    waiting = sorted(set(wanted.tolist()))
    begins: list[int] = []
    duration = None
    with _opened(path) as container:
        for index, frame in enumerate(container.decode(_stream(container))):
            begins.append(index if numbered or frame.pts is None else frame.pts)
            duration = None if numbered else frame.duration
            # A frame that cannot be decoded gives way to the next.
            while waiting and begins[-1] >= waiting[0]:
                pictures[waiting.pop(0)] = _picture(frame)
            if not waiting:
                break
    times = _with_end(begins, duration) if begins else np.empty(0, np.int64)
    return None if waiting else [pictures[time] for time in wanted.tolist()], times


def _picture(frame: Any) -> np.ndarray:
    # Degrees counter-clockwise, a multiple of 90 in what cameras write.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format='rgb24'), turns))
