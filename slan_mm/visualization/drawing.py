"""A page measured in points, y downwards: texts are measured before they are placed, so that none is cut or covered."""

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font_names
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.patheffects import Normal, Stroke
from mmengine.logging import print_log

from slan_mm.atomic_files import replaced_atomically

#: Pixels an inch of the files written. Texts are measured at this resolution.
DPI = 200
_QUALITY, _JPG_DPI = 80, 120  # of jpg files
_MISSING = re.compile(r'Glyph (\d+) ')
INK = '#212529'
GREY = '#667085'
RULE = '#d0d5dd'


#: Where matplotlib's own font has no letter, those of the usual systems, as far as they are installed.
_FAMILIES = (
    'DejaVu Sans', 'Noto Sans', 'Noto Sans CJK JP', 'Noto Sans CJK SC', 'Noto Sans Devanagari', 'Noto Sans Bengali',
    'Noto Sans Thai', 'Noto Emoji', 'Segoe UI Emoji', 'Apple SD Gothic Neo', 'Hiragino Sans', 'PingFang SC',
    'Malgun Gothic', 'Microsoft YaHei', 'Yu Gothic', 'Nirmala UI', 'Arial Unicode MS',
)  # fmt: skip
#: Letters that were named already.
told: set[str] = set()


@lru_cache(maxsize=1)
def _families() -> list[str]:
    installed = set(get_font_names())
    return [name for name in _FAMILIES if name in installed]


@lru_cache(maxsize=32)
def _font(size: float, weight: str) -> FontProperties:
    return FontProperties(family=_families(), size=size, weight=weight)


@contextmanager
def _missing_letters_told_once() -> Iterator[None]:
    """In place of matplotlib's warnings, several for each letter, a line of the log."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        yield
    missing = set()
    for warning in caught:
        if found := _MISSING.match(str(warning.message)):
            missing.add(chr(int(found[1])))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if new := sorted(missing - told):
        told.update(new)
        print_log(
            f'no installed font has the letters {"".join(new)!a}: figures show boxes in their place. Install one that '
            'has, such as Noto Sans CJK',
            'current',
            logging.WARNING,
        )


@lru_cache(maxsize=1)
def _renderer() -> RendererAgg:
    return RendererAgg(8, 8, DPI)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = 'normal') -> float:
    """Width of one line of text in points, as it will be drawn."""
    with _missing_letters_told_once():
        width, _, _ = _renderer().get_text_width_height_descent(text, _font(size, weight), ismath=False)
    return width * 72 / DPI


def fit(shape: tuple[float, float], width: float, height: float) -> tuple[float, float]:
    """The largest (width, height) with the proportions of ``shape`` (height, width) within ``width`` x ``height``."""
    scale = min(width / shape[1], height / shape[0])
    return shape[1] * scale, shape[0] * scale


class Canvas:
    """A white page of ``width`` x ``height`` points; every position counts from its left upper corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=DPI, facecolor='white')
        FigureCanvasAgg(self.figure)
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.axis('off')
        self._axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)

    def text(self, x: float, y: float, text: str, size: float, color: str = INK, weight: str = 'normal') -> None:
        """One line whose baseline begins at (x, y). '$' is a letter like any other."""
        font = _font(size, weight)
        self._axes.text(x, y, text, color=color, fontproperties=font, parse_math=False, va='baseline', zorder=5)

    def chip(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """A filled box with round corners whose left upper corner is (x, y)."""
        style = 'round,pad=0,rounding_size=2.5'
        self._axes.add_patch(FancyBboxPatch((x, y), width, height, style, facecolor=color, linewidth=0, zorder=4))

    def image(self, image: np.ndarray, x: float, y: float, width: float, height: float) -> None:
        """``image`` (H, W, 3) uint8, stretched to the box; large pixels stay sharp."""
        enlarged = width * DPI / 72 > 3 * image.shape[1]
        self._axes.imshow(
            image,
            extent=(x, x + width, y + height, y),
            aspect='auto',
            interpolation='nearest' if enlarged else 'antialiased',
            zorder=1,
        )
        self._axes.set(xlim=(0, self.width), ylim=(self.height, 0))

    def box(
        self,
        corners: Sequence[float],
        color: str,
        linewidth: float = 2.0,
        linestyle: str | tuple = 'solid',
        halo: bool = True,
    ) -> None:
        """An unfilled box, ``corners`` = (left, upper, right, lower); a white halo sets it off from any picture."""
        left, upper, right, lower = corners
        patch = Rectangle(
            (left, upper), right - left, lower - upper, fill=False, edgecolor=color, linewidth=linewidth, zorder=3
        )
        patch.set(linestyle=linestyle, joinstyle='round', capstyle='butt')
        if halo:
            patch.set_path_effects([Stroke(linewidth=linewidth + 1.4, foreground='white', alpha=0.85), Normal()])
        self._axes.add_patch(patch)

    def line(
        self, x0: float, x1: float, y: float, color: str = RULE, linewidth: float = 0.8, linestyle: str | tuple = '-'
    ) -> None:
        """A horizontal line."""
        self._axes.plot([x0, x1], [y, y], color=color, linewidth=linewidth, linestyle=linestyle, zorder=2)

    def pixels(self) -> np.ndarray:
        """The page as (H, W, 3) uint8 RGB."""
        with _missing_letters_told_once():
            self.figure.canvas.draw()
        return np.asarray(self.figure.canvas.buffer_rgba())[..., :3].copy()

    def save(self, path: str | Path) -> Path:
        """Writes the page, whole or not at all, and returns its path.

        By the ending of ``path`` as png, or as jpg: of photographs a tenth of the size.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _missing_letters_told_once(), replaced_atomically(path) as temporary:
            if path.suffix == '.jpg':
                # Colours at full resolution: lines of boxes are thin.
                self.figure.savefig(
                    temporary, format='jpg', dpi=_JPG_DPI, pil_kwargs=dict(quality=_QUALITY, subsampling=0)
                )
            else:
                self.figure.savefig(temporary, format='png', dpi=DPI)
        return path
