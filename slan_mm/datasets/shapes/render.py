"""Pixels of a scene: integer arithmetic (or floats that hold exact integers), so that every machine draws the same."""

from functools import lru_cache

import numpy as np

from slan_mm.datasets.shapes.scene import COLORS, Scene

#: Mean RGB of each colour word; an object's own colour is jittered around it.
PALETTE = {
    'red': (208, 44, 48),
    'orange': (232, 128, 32),
    'yellow': (216, 204, 48),
    'green': (52, 164, 64),
    'cyan': (48, 196, 204),
    'blue': (48, 80, 212),
    'purple': (132, 52, 176),
    'pink': (240, 136, 188),
}
_SUPER = 4  # sub-pixels a side
_JITTER = 18  # of an object's colour, per channel
_SHADE = 24  # largest change of brightness across an object
_MOTTLE = 40  # spread of the background's spots around the objects' brightness
_TINT = 28  # spread of the spots' channels around grey
_NOISE = 30  # largest noise of a pixel, triangular

# Outlines in a box of 1000 x 1000; y points down. They touch all four sides.
_POLYGONS = {
    'square': ((0, 0), (1000, 0), (1000, 1000), (0, 1000)),
    'triangle': ((500, 0), (1000, 1000), (0, 1000)),
    'diamond': ((500, 0), (1000, 500), (500, 1000), (0, 500)),
    'cross': (
        *((330, 0), (670, 0), (670, 330), (1000, 330), (1000, 670), (670, 670)),
        *((670, 1000), (330, 1000), (330, 670), (0, 670), (0, 330), (330, 330)),
    ),
    'star': (
        *((500, 0), (618, 382), (1000, 382), (691, 618), (809, 1000)),
        *((500, 764), (191, 1000), (309, 618), (0, 382), (382, 382)),
    ),
}


@lru_cache(maxsize=1024)
def shape_coverage(shape: str, side: int) -> np.ndarray:
    """How much of each pixel the shape covers: (side, side) int16 in 0..16, with something on every side of the box."""
    fine = side * _SUPER
    centre = 2 * np.arange(fine, dtype=np.int64) + 1  # in units of half a sub-pixel; the box is 2 * fine wide
    if shape == 'circle':
        square = (centre - fine) ** 2
        inside = square[:, None] + square[None] <= fine**2
    else:
        inside = _inside_polygon(np.array(_POLYGONS[shape], np.int64) * 2 * fine, centre * 1000)
    coverage = inside.reshape(side, _SUPER, side, _SUPER).sum((1, 3)).astype(np.int16)
    coverage.flags.writeable = False
    return coverage


def _inside_polygon(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Even-odd rule in exact integers. corners (C, 2) xy, points (N,) on both axes -> (N, N) bool, rows are y."""
    inside = np.zeros((len(points), len(points)), bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay == by:
            continue
        if ay > by:
            ax, ay, bx, by = bx, by, ax, ay
        crosses = (ay <= points) & (points < by)
        left = (points[None] - ax) * (by - ay) < (bx - ax) * (points[:, None] - ay)
        inside ^= crosses[:, None] & left
    return inside


@lru_cache(maxsize=8)
def _spread(image_size: int, cells: int) -> np.ndarray:
    """Bilinear weights from ``cells + 1`` knots to pixels: (image_size, cells + 1) float32 of whole 16ths."""
    position = (2 * np.arange(image_size) + 1) * cells * 8 // image_size
    knot, rest = position // 16, position % 16
    weights = np.zeros((image_size, cells + 1), np.float32)
    rows = np.arange(image_size)
    weights[rows, knot] = 16 - rest
    weights[rows, knot + 1] = rest
    return weights


def _luma(rgb: tuple[int, ...]) -> int:
    return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) // 1000


def _background(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Two layers of coloured spots between the brightness of the darkest and of the brightest object."""
    luma = [_luma(PALETTE[item.color]) for item in scene.objects]
    low, high = min(luma) - _MOTTLE, max(luma) + _MOTTLE
    layers = []
    for cells in (4, 10):
        grey = rng.integers(low, high + 1, size=(cells + 1, cells + 1, 1))
        tint = rng.integers(-_TINT, _TINT + 1, size=(cells + 1, cells + 1, 3))
        knots = (grey + tint).transpose(2, 0, 1).astype(np.float32)
        # Whole numbers under 2**24: exact in float32 in any order of summation.
        weights = _spread(scene.image_size, cells)
        layers.append((weights @ knots @ weights.T).astype(np.int32))
    return ((layers[0] + layers[1]) // 512).astype(np.int16).transpose(1, 2, 0)


def render_scene(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Draws the scene: (image_size, image_size, 3) uint8 RGB.

    Objects are anti-aliased, each of a slightly different colour and shading than its kin; the background is mottled
    at the objects' brightness; noise lies over everything.
    """
    image = np.ascontiguousarray(_background(rng, scene))
    for item in scene.objects:
        jitter = rng.integers(-_JITTER, _JITTER + 1, size=3)
        slope = rng.integers(-_SHADE, _SHADE + 1, size=2)
        color = np.array(PALETTE[item.color], np.int64) + jitter
        ramp = 2 * np.arange(item.side) + 1 - item.side
        shade = (ramp[:, None] * slope[0] + ramp[None] * slope[1]) // (2 * item.side)
        alpha = shape_coverage(item.shape, item.side)[..., None].astype(np.int32)
        patch = image[item.y : item.y + item.side, item.x : item.x + item.side]
        full = _SUPER * _SUPER
        patch[...] = (patch * (full - alpha) + (color + shade[..., None]) * alpha) // full
    bits = np.frombuffer(rng.bytes(2 * image.size), np.uint8).reshape(2, *image.shape).astype(np.int16)
    image += (bits[0] - bits[1]) * _NOISE >> 8
    return np.clip(image, 0, 255).astype(np.uint8)


assert set(PALETTE) == set(COLORS)
