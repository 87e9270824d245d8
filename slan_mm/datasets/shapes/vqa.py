"""``ShapesVQA``: questions about generated shapes, drawn while they are read.

::

    how many shapes                  number
    is there a red circle            yes/no
    what color is the circle         other     (of a shape that the picture has once)
    what shape is red                other     (of a colour that the picture has once)
"""

from typing import Any

import numpy as np

from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, Scene, scene_rng
from slan_mm.registry import DATASETS

_ANNOTATORS = 10
_QUESTIONS = 3  # keeps this random stream apart from those of layout, pixels and captions


def draw_question(rng: np.random.Generator, scene: Scene) -> tuple[str, str, str]:
    """A question about a scene, its answer and the answer's type."""
    objects = scene.objects
    shapes, colors = [item.shape for item in objects], [item.color for item in objects]
    once = {
        'color': [item for item in objects if shapes.count(item.shape) == 1],
        'shape': [item for item in objects if colors.count(item.color) == 1],
    }
    kind = ('number', 'yes/no', *(name for name, items in once.items() if items))
    chosen = kind[int(rng.integers(len(kind)))]
    if chosen == 'number':
        return 'how many shapes', str(len(objects)), 'number'
    if chosen == 'yes/no':
        item = objects[int(rng.integers(len(objects)))]
        shape, color, there = item.shape, item.color, True
        # Every other question is of something that is not there: another colour of a shape that is.
        if rng.integers(2):
            absent = [name for name in COLORS if all((shape, name) != (o.shape, o.color) for o in objects)]
            color, there = absent[int(rng.integers(len(absent)))], False
        return f'is there a {color} {shape}', 'yes' if there else 'no', 'yes/no'
    item = once[chosen][int(rng.integers(len(once[chosen])))]
    if chosen == 'color':
        return f'what color is the {item.shape}', item.color, 'other'
    return f'what shape is {item.color}', item.shape, 'other'


def shapes_answers() -> list[str]:
    """Every answer there is, the closed list of a ranking model."""
    return ['yes', 'no', *map(str, range(2, 10)), *COLORS, *SHAPES]


@DATASETS.register_module()
class ShapesVQA(ShapesPairs):
    """The pictures of ``ShapesPairs`` with a question each; a new one each epoch in the train split.

    An item carries what ``VQADataset`` gives: ``text``, ``question_id``, ``answers`` (ten times the same) and
    ``answer_type``; pack them with ``PackPairs(meta_keys=VQADataset.META_KEYS)``, which is the default pipeline.

    Args:
        pipeline: None: ``PackPairs`` alone.
        kwargs: See ``ShapesPairs``; its ``task`` is not to be given.
    """

    def __init__(self, pipeline: Any = None, **kwargs: Any) -> None:
        keys = ('question_id', 'answers', 'answer_type')
        super().__init__(task='pair', pipeline=pipeline or [{'type': 'PackPairs', 'meta_keys': keys}], **kwargs)

    def _results(self, packed: int) -> dict:
        epoch, index = split_index(packed, len(self))
        scene = self.scene(index)
        if self.split == 'train':
            rng = item_rng(self.seed, epoch + int(self._epoch[0]), index)
        else:
            rng = scene_rng(self.seed, self.split, index, _QUESTIONS)
        question, answer, answer_type = draw_question(rng, scene)
        size = (self.image_size, self.image_size)
        return {
            **self.get_data_info(index),
            'img': self._image(index, scene),
            'ori_shape': size,
            'img_shape': size,
            'text': question,
            'question_id': index,
            'answers': [answer] * _ANNOTATORS,
            'answer_type': answer_type,
            'rng': rng,
        }
