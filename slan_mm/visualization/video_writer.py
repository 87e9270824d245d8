"""Boxes drawn into the frames of a video, and the frames written as a video."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.font_manager import findfont
from torchvision.utils import draw_bounding_boxes

from slan_mm.extras import require_extra
from slan_mm.visualization.caption import PHRASE_COLORS

#: Steps of a second in which an mp4 tells when its frames begin.
_CLOCK = 90_000


class LabelledBox(NamedTuple):
    """A box [x1, y1, x2, y2] in pixels, what stands beside it, and the number of its colour."""

    label: str
    box: Sequence[float]
    color: int


def draw_boxes(picture: np.ndarray, boxes: Sequence[LabelledBox]) -> np.ndarray:
    """``picture`` (H, W, 3) uint8 with the boxes in it, the first on top; its size stays."""
    if not boxes:
        return picture
    height, width = picture.shape[:2]
    limits = torch.tensor([width - 1, height - 1] * 2)
    corners = torch.tensor([list(one.box) for one in boxes[::-1]]).clamp(min=0).minimum(limits)
    colors: Any = [PHRASE_COLORS[one.color % len(PHRASE_COLORS)] for one in boxes[::-1]]
    drawn = draw_bounding_boxes(
        torch.from_numpy(picture.transpose(2, 0, 1).copy()),
        corners,
        labels=[one.label for one in boxes[::-1]],
        colors=colors,
        width=max(1, round(max(height, width) / 250)),
        font=findfont('DejaVu Sans'),
        font_size=max(9, round(max(height, width) / 45)),
        label_colors='white',
        label_background_colors=colors,
        fill_labels=True,
    )
    return drawn.permute(1, 2, 0).numpy()


class VideoWriter:
    """Writes pictures of one size as an mp4 (H.264); to be used by ``with``.

    Args:
        path: The file.
        rate: Frames a second, about; when each is shown is told with it.

    Raises:
        ModuleNotFoundError: The extra ``video`` is not installed.
    """

    def __init__(self, path: str | Path, rate: Fraction) -> None:
        require_extra('video')
        import av

        self._container = av.open(str(path), 'w', format='mp4')
        self._stream: Any = self._container.add_stream('libx264', rate=rate)
        self._stream.pix_fmt = 'yuv420p'
        self._stream.codec_context.time_base = Fraction(1, _CLOCK)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """Has ``picture`` (H, W, 3) uint8 RGB shown from this time on, which must rise."""
        import av

        height, width = picture.shape[:2]
        # The encoder takes even sizes alone.
        even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
        if not self._stream.codec_context.is_open:
            self._stream.height, self._stream.width = even.shape[:2]
        frame = av.VideoFrame.from_ndarray(even, format='rgb24')
        frame.pts, frame.time_base = round(seconds * _CLOCK), Fraction(1, _CLOCK)
        self._container.mux(self._stream.encode(frame))
