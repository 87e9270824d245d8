"""What of a caption holds in a scene, by hand."""

import numpy as np
import pytest

from slan_mm.datasets.shapes import ShapesPairs
from slan_mm.datasets.shapes.agreement import ASPECTS, agreement, best_recall, is_caption, is_true, parse_caption
from slan_mm.datasets.shapes.scene import Scene, SceneObject

# A small red circle at the left, a large blue square at the right.
SCENE = Scene(
    64, (SceneObject('circle', 'red', 'small', 2, 20, 12), SceneObject('square', 'blue', 'large', 40, 20, 20))
)


def test_a_caption_in_parts():
    phrases, joiners = parse_caption('small red circle left of blue square and pink star')
    assert phrases == [('small', 'red', 'circle'), (None, 'blue', 'square'), (None, 'pink', 'star')]
    assert joiners == ['left of', 'and']


@pytest.mark.parametrize(
    ('text', 'held'),
    [
        ('small red circle left of blue square', (1, 1, 1, 1, 1)),
        ('red circle and blue square', (1, 1, 1, None, None)),
        ('large red circle right of blue square', (1, 1, 1, 0, 0)),
        ('blue circle left of red square', (1, 1, 0, None, None)),
        ('large red circle and small red star', (0.5, 0.5, 0.5, 0, None)),
    ],
)
def test_what_holds(text, held):
    expected = {name: value for name, value in zip(ASPECTS, held, strict=True) if value is not None}
    assert agreement(text, SCENE) == expected


@pytest.mark.parametrize(
    ('text', 'true'),
    [
        ('small red circle left of blue square', True),
        ('blue square', True),
        ('blue square left of red circle', False),
        ('large red circle and blue square', False),
        ('red square', False),
        # One thing is not two.
        ('red circle and red circle', False),
        ('red circle and', False),
        ('a red circle', False),
        ('', False),
    ],
)
def test_a_caption_is_true_if_all_of_it_holds(text, true):
    assert is_true(text, SCENE) == true
    assert is_caption(text) or not true


def test_every_caption_holds_in_its_own_scene():
    dataset = ShapesPairs('test', 'retrieval', num_images=40)
    for index in range(40):
        (text,) = dataset[index]['data_samples'].text
        assert set(agreement(text, dataset.scene(index)).values()) == {1.0} and is_true(text, dataset.scene(index))


def test_recall_of_a_guess_among_those_that_fit():
    """Picture 0 fits both texts, picture 1 the second alone: i2t (1/2 + 1) / 2, t2i (1 + 1/2) / 2."""
    assert best_recall(np.array([[True, True], [False, True]])) == (75.0, 75.0)
    assert best_recall(np.array([[True, True, True], [False, True, False], [False, False, True]])) == pytest.approx(
        (100 * 7 / 9, 100 * 2 / 3)
    )
