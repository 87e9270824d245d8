"""Little video files, encoded when a test asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip('av', reason='the extra video is not installed')
from av.stream import Disposition  # noqa: E402

SIZE = (32, 48)
#: Grey level of frame n; the encoder is lossy, so levels are far apart.
STEP = 20


def write_film(
    path: Path,
    frames: int | Sequence[np.ndarray] = 8,
    container: str | None = None,
    begins: Sequence[int] | None = None,
) -> Path:
    """An mp4 (or what ``container`` names) of ``frames`` frames, frame n of the grey level ``STEP * n``.

    ``begins``: when each frame begins, in tenths of a second; None: one after the other.
    """
    if isinstance(frames, int):
        frames = [np.full((*SIZE, 3), STEP * number, np.uint8) for number in range(frames)]
    with av.open(str(path), 'w', format=container) as film:
        stream = film.add_stream('libx264' if path.suffix == '.h264' else 'mpeg4', rate=10)
        height, width = frames[0].shape[:2] if len(frames) else SIZE
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        stream.bit_rate = 2_000_000
        for number, frame in enumerate(frames):
            encoded = av.VideoFrame.from_ndarray(frame, format='rgb24')
            if begins is not None:
                encoded.pts, encoded.time_base = begins[number], Fraction(1, 10)
            film.mux(stream.encode(encoded))
        film.mux(stream.encode(None))
    return path


def write_cover(path: Path) -> Path:
    """A file whose only picture is the cover of an album."""
    with av.open(str(path), 'w') as film:
        stream = film.add_stream('mjpeg', rate=1)
        stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], 'yuvj420p'
        stream.disposition = Disposition.attached_pic.value
        white = av.VideoFrame.from_ndarray(np.full((*SIZE, 3), 255, np.uint8), format='rgb24')
        film.mux([*stream.encode(white), *stream.encode(None)])
    return path


def write_sound(path: Path) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), 'w') as film:
        stream = film.add_stream('aac', rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), format='fltp', layout='mono')
        sound.sample_rate = 44100
        film.mux(stream.encode(sound))
        film.mux(stream.encode(None))
    return path


def turn_film(path: Path) -> None:
    """Writes into an mp4's track header that it is to be turned by 90 degrees clockwise, as phones do."""
    content = bytearray(path.read_bytes())
    # Version and flags, five words of times and ids, a reserved pair and four half words lie before the matrix.
    start = content.index(b'tkhd') + 4 + 4 + 20 + 8 + 8
    one, minus_one = (1 << 16).to_bytes(4, 'big'), (-(1 << 16)).to_bytes(4, 'big', signed=True)
    zero, unit = bytes(4), (1 << 30).to_bytes(4, 'big')
    content[start : start + 36] = zero + one + zero + minus_one + zero + zero + zero + zero + unit
    path.write_bytes(content)


def numbers(frames: Sequence[np.ndarray]) -> list[int]:
    """Which frames of ``write_film`` these are, by their grey level."""
    return [round(float(frame.mean()) / STEP) for frame in frames]
