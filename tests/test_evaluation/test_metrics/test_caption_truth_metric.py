"""Captions of generated pictures, judged by what the pictures show."""

import pytest

from slan_mm.datasets import ShapesPairs
from slan_mm.evaluation import CaptionTruthMetric

DATASET = ShapesPairs('test', 'retrieval')


def sample(index, caption):
    about = DATASET.get_data_info(index)
    return dict(image_id=about['image_id'], img_path=about['img_path'], pred_caption=caption)


def test_what_is_true_of_the_picture():
    own = [DATASET[index]['data_samples'].text[0] for index in range(3)]
    objects = DATASET.scene(1).objects
    absent = next(name for name in ('red star', 'blue star') if name.split() != [objects[0].color, objects[0].shape])
    metric = CaptionTruthMetric()
    metric.process(None, [sample(0, own[0]), sample(1, own[1]), sample(2, 'a picture of nothing')])
    # A loader that fills its last batch asks for a picture twice.
    metric.process(None, [sample(0, own[0])])
    scores = metric.evaluate(4)
    assert scores['caption/true'] == scores['caption/well_formed'] == pytest.approx(200 / 3)
    assert scores['caption/true_colours_with_their_shapes'] == 100

    there = f'{objects[0].color} {objects[0].shape}'
    assert all((item.color, item.shape) != tuple(absent.split()) for item in objects)
    metric.process(None, [sample(1, f'{there} and {absent}')])
    scores = metric.evaluate(1)
    assert scores['caption/true'] == 0 and scores['caption/well_formed'] == 100
    assert scores['caption/true_colours_with_their_shapes'] == 50


def test_a_photograph_is_refused():
    with pytest.raises(FileNotFoundError, match='names no generated picture'):
        CaptionTruthMetric().process(None, [dict(image_id='7', img_path='7.jpg', pred_caption='a dog')])
