"""Images without texts, as of a test server."""

import json

import pytest
from PIL import Image
from support.fuzzing import fuzz

from slan_mm.datasets import ImageDataset
from slan_mm.datasets.readers import AnnotationError

PIPELINE = [dict(type='LoadImage'), dict(type='PackPairs')]


def build(root, images):
    (root / 'info.json').write_text(json.dumps(dict(images=images)))
    return ImageDataset('info.json', data_root=str(root), data_prefix=dict(img=''), pipeline=PIPELINE)


def test_items(tmp_path):
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.png')
    dataset = build(tmp_path, [dict(id=0, file_name='a.png'), dict(id='x', file_name='b.png')])
    assert len(dataset) == 2 and dataset.test_mode
    sample = dataset[0]['data_samples']
    assert sample.image_id == sample.sample_id == '0' and 'text' not in sample


@pytest.mark.parametrize(
    ('images', 'error'),
    [
        ([], 'no images in this file'),
        ([dict(id=0, file_name='a.png')] * 2, r"images\[1\]: a second image with id '0'"),
        ([dict(id=0)], "no field 'file_name'"),
    ],
)
def test_wrong_files(tmp_path, images, error):
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.png')
    with pytest.raises(AnnotationError, match=error):
        build(tmp_path, images)


def test_missing_images(tmp_path):
    with pytest.raises(FileNotFoundError, match='none of 1 images looked for exists'):
        build(tmp_path, [dict(id=0, file_name='a.png')])


def test_fuzzed(tmp_path):
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.png')
    build(tmp_path, [dict(id=number, file_name=f'{name}.png') for number, name in enumerate('abc')])

    def read():
        # Without serialize_data, which collects garbage every time.
        options = dict(data_root=str(tmp_path), data_prefix=dict(img=''), pipeline=PIPELINE, serialize_data=False)
        dataset = ImageDataset('info.json', **options)
        return [dataset.get_data_info(number) for number in range(len(dataset))]

    def check(items):
        assert len({item['image_id'] for item in items}) == len(items) > 0
        assert all(item['image_id'].strip() == item['image_id'] != '' for item in items)

    fuzz(read, tmp_path / 'info.json', check)
