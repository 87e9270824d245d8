"""Boxes of classes in a user's pictures, by a detector that has learned nothing."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from support.detection import detector_config

from slan_mm.apis import DetectionInferencer, detection_inferencer
from slan_mm.registry import MODELS
from slan_mm.visualization import Canvas

PIPELINE = [
    dict(type='mmdet.LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=(32, 24), keep_ratio=False),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs'),
]


@pytest.fixture
def detection(tmp_path):
    config = detector_config()
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(config).state_dict()}, tmp_path / 'toy.pth')
    loader = dict(dataset=dict(pipeline=PIPELINE))
    cfg = Config(dict(model=config, test_dataloader=loader, default_scope='slan_mm'))
    return DetectionInferencer(cfg, tmp_path / 'toy.pth', 'cpu', show_progress=False)


def corners(prediction):
    return torch.tensor([found['box'] for found in prediction['boxes']])


def test_boxes_are_in_pixels_of_the_picture_and_fall_in_score(detection, photos):
    (prediction,) = detection(photos / '0.png', 'circle, red square')['predictions']
    assert prediction['size'] == [30, 90] and prediction['classes'] == ['circle', 'red square']
    scores = [found['score'] for found in prediction['boxes']]
    assert scores == sorted(scores, reverse=True) and all(0 < score < 1 for score in scores)
    assert {found['label'] for found in prediction['boxes']} <= {'circle', 'red square'}
    boxes = corners(prediction)
    assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= 90).all() and (boxes[:, [1, 3]] <= 30).all()
    assert (boxes[:, 2] > 45).any(), 'boxes are scaled to the picture'


def test_a_prediction_does_not_depend_on_the_others_of_its_batch(detection, photos):
    together = detection(photos, ['circle', 'star'], batch_size=3)['predictions']
    for number, prediction in enumerate(together):
        (alone,) = detection(photos / f'{number}.png', 'circle, star')['predictions']
        torch.testing.assert_close(corners(alone), corners(prediction), atol=1e-2, rtol=1e-4)


def test_results_are_thinned_drawn_and_described(detection, photos, tmp_path):
    result = detection(photos, 'circle, star', top=2, img_out_dir=tmp_path, pred_out_dir=tmp_path)
    assert all(len(prediction['boxes']) == 2 for prediction in result['predictions'])
    assert len(result['visualization']) == 3 and (tmp_path / 'predictions.json').is_file()
    lines = detection.describe(result['predictions'][0]).splitlines()
    assert lines[0] == f'{photos / "0.png"}: circle, star' and len(lines) == 3
    none = detection(photos, 'circle', score_thr=1.0)['predictions'][0]
    assert none['boxes'] == [] and detection.describe(none).endswith('no box with such a score')


def test_a_page_shows_the_boxes_of_the_results(detection, photos, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        detection_inferencer, 'draw_regions', lambda pictures, **_: drawn.extend(pictures) or Canvas(9, 9)
    )
    (prediction,) = detection(photos / '0.png', 'circle, star', top=3, img_out_dir=photos)['predictions']
    assert [phrase.answers[0].tolist() for phrase in drawn[0].phrases] == [box['box'] for box in prediction['boxes']]


def test_arrays_are_rgb_like_files(detection, photos):
    image = np.random.default_rng(3).integers(0, 255, (30, 90, 3), dtype=np.uint8)
    one = detection(image, 'circle')['predictions'][0]
    other = detection(image[..., ::-1].copy(), 'circle')['predictions'][0]
    assert one['image'] == 'picture-0' and not torch.allclose(corners(one), corners(other))


def test_class_lists_with_duplicates_are_refused(detection, photos):
    with pytest.raises(ValueError, match='duplicates'):
        detection(photos, 'circle, star, Circle')


def test_each_picture_may_have_classes_of_its_own(detection, photos):
    lists = [['circle'], ['star', 'red square'], 'star, cross']
    found = detection(photos, lists, batch_size=3)['predictions']
    assert [prediction['classes'] for prediction in found] == [['circle'], ['star', 'red square'], ['star', 'cross']]
    for number, names in enumerate(lists):
        (alone,) = detection(photos / f'{number}.png', names)['predictions']
        torch.testing.assert_close(corners(alone), corners(found[number]), atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize(
    ('texts', 'said'),
    [
        ([['circle'], ['star']], '2 lists of classes for 3 pictures'),
        (['circle, star', 'square', 'cross'], "'circle, star' stands in a list of classes"),
        (['circle . star .', 'square .', 'cross .'], 'looks like a list itself'),
        ([['circle'], ['star'], [['square']]], r"texts\[2\]\[0\] must be text, got \['square'\]"),
        ([['circle'], ['star'], []], r'texts\[2\] must be at least one'),
    ],
)
def test_class_lists_and_pictures_go_together(photos, texts, said):
    with pytest.raises(ValueError, match=said):
        DetectionInferencer.prepare(photos, texts)


def test_several_texts_of_a_command_are_a_class_list_a_picture():
    assert DetectionInferencer.read_texts(['circle, star', 'square']) == [('circle', 'star'), ('square',)]
    assert DetectionInferencer.read_texts(['circle, star']) == 'circle, star'
