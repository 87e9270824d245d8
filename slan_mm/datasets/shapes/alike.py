"""``ShapesAlike``: generated pictures with several objects of one kind, and captions with plurals."""

from collections import defaultdict

import numpy as np

from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.datasets.shapes.grammar import Caption, Phrase
from slan_mm.datasets.shapes.scene import Scene, sample_scene, scene_rng
from slan_mm.registry import DATASETS

_NUMBERS = ('', 'one', 'two', 'three')
_LAYOUT = 30  # its own stream of random numbers


def plural(noun: str) -> str:
    """'circles', 'crosses'."""
    return f'{noun}es' if noun.endswith('s') else f'{noun}s'


@DATASETS.register_module()
class ShapesAlike(ShapesPairs):
    """``ShapesPairs`` with 3-6 objects a picture, one to three of each kind: 'two red circles and blue star'.

    A caption names one or two kinds, 'and' between them. Half of the plurals have their number. A phrase has the boxes
    of all objects of its kind; the category of a plural is ['several']. The splits share no scene.
    """

    num_objects = (3, 6)
    #: Fewest and most objects of a kind, both included.
    copies = (1, 3)
    kind = 'alike'
    METAINFO = {**ShapesPairs.METAINFO, 'dataset_name': 'ShapesAlike'}

    def scene(self, index: int) -> Scene:
        """What the picture of an item shows."""
        rng = scene_rng(self.seed, self.split, index, _LAYOUT)
        return sample_scene(rng, self.image_size, self.num_objects, self.split, self.copies)

    def draw_caption(self, rng: np.random.Generator, scene: Scene) -> Caption:
        """Draws a caption of one or two kinds of a scene."""
        kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
        for index, item in enumerate(scene.objects):
            kinds[item.color, item.shape].append(index)
        rest, text, phrases = list(kinds), '', []
        for _ in range(min(int(rng.integers(1, 3)), len(rest))):
            color, shape = rest.pop(int(rng.integers(len(rest))))
            first, *others = kinds[color, shape]
            text += ' and ' if text else ''
            start = len(text)
            text += f'{_NUMBERS[len(others) + 1]} ' if others and rng.integers(2) else ''
            text += f'{color} {plural(shape) if others else shape}'
            phrases.append(Phrase(start, len(text), first, tuple(others)))
        return Caption(text, tuple(phrases))
