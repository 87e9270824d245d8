"""Damaged files among the training pictures of OpenMMLab's own data sets."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from slan_mm.datasets import CocoDataset
from slan_mm.datasets.transforms import LoadImageOrSkip
from slan_mm.datasets.unreadable import TooManyUnreadableError


def save_noise(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).save(path)


def test_a_whole_file_is_what_mmcv_gives(tmp_path):
    save_noise(tmp_path / 'whole.png')
    results = LoadImageOrSkip().transform({'img_path': str(tmp_path / 'whole.png')})
    expected = np.asarray(Image.open(tmp_path / 'whole.png'))[..., ::-1]
    np.testing.assert_array_equal(results['img'], expected)
    assert results['img_shape'] == results['ori_shape'] == (40, 48)


def test_the_data_set_takes_another_sample(tmp_path, truncate):
    names = ['a.jpg', 'b.jpg', 'c.jpg', 'missing.jpg']
    for name in names[:3]:
        save_noise(tmp_path / name)
    truncate(tmp_path / 'b.jpg')
    images = [dict(id=number, file_name=name, height=40, width=48) for number, name in enumerate(names)]
    boxes = [dict(id=n, image_id=n, category_id=1, bbox=[4, 4, 20, 20], area=400, iscrowd=0) for n in range(4)]
    categories = [dict(id=1, name='thing')]
    (tmp_path / 'ann.json').write_text(json.dumps(dict(images=images, annotations=boxes, categories=categories)))
    init_default_scope('slan_mm')
    dataset = CocoDataset(
        ann_file='ann.json',
        data_root=str(tmp_path),
        data_prefix=dict(img=''),
        metainfo=dict(classes=('thing',)),
        pipeline=[dict(type='LoadImageOrSkip', max_unreadable_share=1.0)],
    )
    counter = dataset.pipeline.transforms[0].counter
    assert [dataset[index]['img_path'].rsplit('/', 1)[1] for index in (0, 2)] == ['a.jpg', 'c.jpg']
    assert (counter.tried, counter.unreadable) == (2, 0)
    for index in (1, 3):
        assert dataset[index]['img_path'].endswith(('a.jpg', 'c.jpg'))
    assert counter.unreadable >= 2
    assert 'b.jpg: OSError' in counter.summary() and 'missing.jpg: FileNotFoundError' in counter.summary()


def test_too_many_stop_the_run(tmp_path):
    load = LoadImageOrSkip(max_unreadable_share=0.5)
    nowhere = str(tmp_path / 'nowhere.jpg')
    for _ in range(load.counter.min_images - 1):
        assert load.transform({'img_path': nowhere}) is None
    with pytest.raises(TooManyUnreadableError, match='nowhere.jpg'):
        load.transform({'img_path': nowhere})
