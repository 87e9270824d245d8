"""Captions of a scene, with the characters of each phrase and the object it names.

::

    caption  = phrase joiner phrase [joiner phrase]
    phrase   = [size] colour shape
    joiner   = 'and' | 'next to' | 'left of' | 'right of' | 'above' | 'below'

A joiner speaks of the two phrases beside it, and what it says is true.
"""

from dataclasses import dataclass

import numpy as np

from slan_mm.datasets.shapes.scene import COLORS, SHAPES, SIZES, Scene, SceneObject

RELATIONS = ('left of', 'right of', 'above', 'below')
JOINERS = ('and', 'next to', *RELATIONS)
#: 'next to' is said of two boxes no further apart than this, in percent of the image's side.
NEAR = 8


@dataclass(frozen=True)
class Phrase:
    """``text[start:end]`` of the caption names ``scene.objects[index]``; a plural also names those at ``others``."""

    start: int
    end: int
    index: int
    others: tuple[int, ...] = ()

    @property
    def indices(self) -> list[int]:
        """All objects that it names."""
        return [self.index, *self.others]


@dataclass(frozen=True)
class Caption:
    """A caption and its phrases, in their order."""

    text: str
    phrases: tuple[Phrase, ...]


def words() -> list[str]:
    """Every word the grammar can say, sorted."""
    return sorted({*SIZES, *COLORS, *SHAPES, *' '.join(JOINERS).split()})


def is_near(a: SceneObject, b: SceneObject, image_size: int) -> bool:
    """Whether the gap between the two boxes is small along both axes."""
    gap_x = max(a.x, b.x) - min(a.x + a.side, b.x + b.side)
    gap_y = max(a.y, b.y) - min(a.y + a.side, b.y + b.side)
    return 100 * max(gap_x, gap_y) <= NEAR * image_size


def spatial_relation(a: SceneObject, b: SceneObject) -> str:
    """The relation of ``a`` to ``b`` along the axis on which their centres lie further apart."""
    dx = 2 * a.x + a.side - 2 * b.x - b.side
    dy = 2 * a.y + a.side - 2 * b.y - b.side
    if abs(dx) >= abs(dy):
        return 'left of' if dx < 0 else 'right of'
    return 'above' if dy < 0 else 'below'


def true_joiners(a: SceneObject, b: SceneObject, image_size: int) -> list[str]:
    """The joiners that may stand between ``a`` and ``b``."""
    near = ['next to'] if is_near(a, b, image_size) else []
    return ['and', *near, spatial_relation(a, b)]


def draw_caption(rng: np.random.Generator, scene: Scene) -> Caption:
    """Draws a caption of 2 or 3 objects of the scene: which, in what order, whose size is told, how they are joined.

    Raises:
        ValueError: The scene has fewer than two objects.
    """
    if len(scene.objects) < 2:
        raise ValueError(f'a caption names 2 or 3 objects, the scene has {len(scene.objects)}')
    count = min(int(rng.integers(2, 4)), len(scene.objects))
    rest = list(range(len(scene.objects)))
    chosen = [rest.pop(int(rng.integers(len(rest)))) for _ in range(count)]
    text = ''
    phrases = []
    for position, index in enumerate(chosen):
        item = scene.objects[index]
        if position:
            joiners = true_joiners(scene.objects[chosen[position - 1]], item, scene.image_size)
            text += f' {joiners[int(rng.integers(len(joiners)))]} '
        start = len(text)
        text += f'{item.size} ' if rng.integers(2) else ''
        text += f'{item.color} {item.shape}'
        phrases.append(Phrase(start, len(text), index))
    return Caption(text, tuple(phrases))
