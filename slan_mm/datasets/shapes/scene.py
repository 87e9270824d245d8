"""Scenes of coloured shapes: what they are and how one is drawn by lot.

Everything is an integer, and only ``Generator.integers`` is called, so that a scene is the same on every machine.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

SHAPES = ('circle', 'square', 'triangle', 'diamond', 'cross', 'star')
COLORS = ('red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'purple', 'pink')
#: Size classes: side of the object's box, in percent of the image's side (both ends included).
SIZES = {'small': (17, 23), 'large': (31, 44)}
#: Largest overlap of two boxes, in percent of the smaller box's area.
MAX_OVERLAP = 8
#: Share of all possible scenes each split owns, in percent. A hash of the scene says whose it is.
SPLIT_SHARES = {'train': 80, 'val': 10, 'test': 10}

_TAG = 0x5CE7E  # keeps these streams apart from those of ``item_rng``
_PLACES = 24  # places tried for one object before the scene is given up
_SCENES = 1000  # scenes tried before the settings are called impossible


@dataclass(frozen=True)
class SceneObject:
    """One object. ``x, y``: left upper corner, ``side``: of its square box; all in whole pixels."""

    shape: str
    color: str
    size: str
    x: int
    y: int
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Absolute xyxy in pixels; the right and lower borders lie outside of the object."""
        return self.x, self.y, self.x + self.side, self.y + self.side

    def overlap(self, other: 'SceneObject') -> int:
        """Common area of the two boxes in square pixels."""
        width = min(self.x + self.side, other.x + other.side) - max(self.x, other.x)
        height = min(self.y + self.side, other.y + other.side) - max(self.y, other.y)
        return max(width, 0) * max(height, 0)


@dataclass(frozen=True)
class Scene:
    """A square picture of ``image_size`` pixels; later objects are drawn over earlier ones."""

    image_size: int
    objects: tuple[SceneObject, ...]

    @property
    def signature(self) -> str:
        """What is where: equal for two scenes exactly if they show the same objects in the same places."""
        parts = sorted(f'{o.shape},{o.color},{o.x},{o.y},{o.side}' for o in self.objects)
        return f'{self.image_size}:' + ';'.join(parts)

    @property
    def split(self) -> str:
        """The only split that may hold this scene, read off a hash of its signature."""
        bucket = crc32(self.signature.encode()) % 100
        for split, share in SPLIT_SHARES.items():
            bucket -= share
            if bucket < 0:
                return split
        raise AssertionError('SPLIT_SHARES must sum to 100')


def scene_rng(seed: int, split: str, index: int, purpose: int) -> np.random.Generator:
    """Random stream of scene ``index`` in a split; ``purpose`` keeps layout, pixels and captions apart."""
    entropy = [seed, _TAG, list(SPLIT_SHARES).index(split), index, purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def side_range(size: str, image_size: int) -> tuple[int, int]:
    """Smallest and largest side in pixels of a size class, both included."""
    low, high = SIZES[size]
    return -(-low * image_size // 100), high * image_size // 100


def sample_scene(
    rng: np.random.Generator,
    image_size: int = 64,
    num_objects: tuple[int, int] = (2, 4),
    split: str | None = None,
    copies: tuple[int, int] = (1, 1),
) -> Scene:
    """Draws a scene.

    No two objects share colour and shape, unless ``copies`` asks for it, so that these two words name one object. The
    number of objects is uniform over ``num_objects`` (both ends included). Half of the objects are large; one that
    finds no room becomes small.

    Args:
        rng: Where the randomness comes from.
        image_size: Side of the picture in pixels, at least 32.
        num_objects: Fewest and most objects.
        split: Draw until the scene belongs to this split. None: any scene.
        copies: Fewest and most objects of one colour and shape; the last kind may have fewer.

    Raises:
        ValueError: So many objects find no room.
    """
    count = int(rng.integers(num_objects[0], num_objects[1] + 1))
    for _ in range(_SCENES):
        objects = _place(rng, count, image_size, copies)
        if objects is None:
            continue
        scene = Scene(image_size, objects)
        if split is None or scene.split == split:
            return scene
    raise ValueError(
        f'{count} objects find no room in a picture after {_SCENES} tries: lower num_objects={num_objects}.'
    )


def _place(
    rng: np.random.Generator, count: int, image_size: int, copies: tuple[int, int]
) -> tuple[SceneObject, ...] | None:
    kinds: set[int] = set()
    objects: list[SceneObject] = []
    kind, left = 0, 0
    for _ in range(count):
        if not left:
            kind = int(rng.integers(len(SHAPES) * len(COLORS)))
            while kind in kinds:
                kind = int(rng.integers(len(SHAPES) * len(COLORS)))
            kinds.add(kind)
            left = copies[0] if copies[0] == copies[1] else int(rng.integers(copies[0], copies[1] + 1))
        left -= 1
        shape, color = SHAPES[kind % len(SHAPES)], COLORS[kind // len(SHAPES)]
        new = None
        if rng.integers(2):
            new = _find_room(rng, shape, color, 'large', objects, image_size)
        new = new or _find_room(rng, shape, color, 'small', objects, image_size)
        if new is None:
            return None
        objects.append(new)
    return tuple(objects)


def _find_room(
    rng: np.random.Generator, shape: str, color: str, size: str, others: list[SceneObject], image_size: int
) -> SceneObject | None:
    low, high = side_range(size, image_size)
    side = int(rng.integers(low, high + 1))
    for x, y in rng.integers(image_size - side + 1, size=(_PLACES, 2)).tolist():
        new = SceneObject(shape, color, size, x, y, side)
        if all(100 * new.overlap(old) <= MAX_OVERLAP * min(side, old.side) ** 2 for old in others):
            return new
    return None
