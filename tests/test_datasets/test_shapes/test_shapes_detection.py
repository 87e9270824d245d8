import numpy as np
import pytest
import torch
from mmcv import imfrombytes
from mmengine.fileio import get

from slan_mm.datasets import ShapesDetection, ShapesPairs
from slan_mm.datasets.shapes.file_backend import scene_at

PIPELINE = [
    dict(type='mmdet.LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'text')),
]


def build(**options):
    return ShapesDetection(**{'split': 'val', 'num_images': 6, 'pipeline': PIPELINE, 'return_classes': True} | options)


def test_pictures_and_boxes_are_those_of_the_pairs():
    dataset, pairs = build(), ShapesPairs(split='val', task='grounding', num_images=6)
    for index in range(6):
        item, pair = dataset[index], pairs[index]
        assert torch.equal(item['inputs'].flip(0), pair['inputs'])
        corners = {tuple(box) for box in item['data_samples'].gt_instances.bboxes.tensor.tolist()}
        named = {tuple(box) for phrase in pair['data_samples'].phrases for box in phrase['boxes'].tolist()}
        assert named <= corners and 2 <= len(corners) <= 4


def test_a_sample_names_the_classes_and_labels_count_in_their_order():
    dataset = build(metainfo=dict(classes=('star', 'circle')), num_images=40)
    assert dataset[0]['data_samples'].text == ('star', 'circle')
    of_all_classes = build(num_images=40)
    shapes = [of_all_classes.get_data_info(index)['instances'] for index in range(40)]
    names = of_all_classes.metainfo['classes']
    for index, instances in enumerate(shapes):
        expected = [
            ('star', 'circle').index(names[i['bbox_label']])
            for i in instances
            if names[i['bbox_label']] in ('star', 'circle')
        ]
        assert dataset[index]['data_samples'].gt_instances.labels.tolist() == expected
    assert any(not len(dataset[index]['data_samples'].gt_instances) for index in range(40))


def test_classes_of_a_colour_and_a_shape():
    dataset, pairs = (
        build(metainfo=dict(classes=('red star', 'star', 'blue circle')), num_images=60),
        ShapesPairs('val'),
    )
    found = set()
    for index in range(60):
        expected = []
        for item in pairs.scene(index).objects:
            expected += [0] * ((item.color, item.shape) == ('red', 'star')) + [1] * (item.shape == 'star')
            expected += [2] * ((item.color, item.shape) == ('blue', 'circle'))
        labels = dataset[index]['data_samples'].gt_instances.labels.tolist()
        assert sorted(labels) == sorted(expected)
        found |= set(labels)
    assert found == {0, 1, 2}


def test_a_path_tells_what_its_picture_shows():
    pairs = ShapesPairs('test', seed=3)
    assert scene_at(pairs.get_data_info(5)['img_path']) == pairs.scene(5)
    with pytest.raises(FileNotFoundError, match='names no generated picture'):
        scene_at('shapes://test/5')


def test_a_path_is_read_like_any_file():
    path = build().get_data_info(3)['img_path']
    picture = imfrombytes(get(path))
    assert picture.shape == (64, 64, 3)
    assert np.array_equal(picture, imfrombytes(get(path)))
    assert not np.array_equal(picture, imfrombytes(get(build(seed=1).get_data_info(3)['img_path'])))


@pytest.mark.parametrize('path', ['shapes://val/0/64', 'shapes://nowhere/0/64/3.png'])
def test_other_paths_are_no_files(path):
    with pytest.raises(FileNotFoundError, match='names no generated picture'):
        get(path)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match='split must be one of'):
        build(split='training')
    with pytest.raises(ValueError, match=r"no such shapes: \['cat'\]"):
        build(metainfo=dict(classes=('cat', 'star')))
