"""Images of another size than their annotation says: boxes would lie elsewhere, so no data set uses them."""

import json
import os

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from slan_mm.datasets import CocoDataset, GroundingDataset, PseudoLabelDataset
from slan_mm.datasets.image_size import set_original_shape
from slan_mm.datasets.readers import AnnotationError
from slan_mm.datasets.transforms.load_image import load_image, upright_size
from slan_mm.datasets.unreadable import TooManyUnreadableError, UnreadableImageError, WrongSizeError


def save(path, size, orientation=1):
    """A picture of ``size`` (width, height) as it is stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', size).save(path, exif=exif)


def coco_file(folder, sizes, told=(48, 40)):
    """Pictures of ``sizes``, each with one box, and an annotation that tells ``told`` of all of them."""
    for number, size in enumerate(sizes):
        save(folder / f'{number}.jpg', *size)
    images = [dict(id=n, file_name=f'{n}.jpg', width=told[0], height=told[1]) for n in range(len(sizes))]
    boxes = [dict(id=n, image_id=n, category_id=1, bbox=[4, 4, 20, 20], area=400, iscrowd=0) for n in range(len(sizes))]
    content = dict(images=images, annotations=boxes, categories=[dict(id=1, name='thing')])
    (folder / 'ann.json').write_text(json.dumps(content))


def data_set(folder, load, kind=CocoDataset, **options):
    init_default_scope('slan_mm')
    return kind(
        ann_file='ann.json',
        data_root=str(folder),
        data_prefix=dict(img=''),
        metainfo=dict(classes=('thing',)),
        pipeline=[load],
        **options,
    )


@pytest.mark.parametrize('kind', [CocoDataset, PseudoLabelDataset])
@pytest.mark.parametrize('loader', ['LoadImageFromFile', 'mmdet.LoadImageFromFile'])
def test_a_data_set_of_other_sizes_is_refused_before_it_is_used(tmp_path, kind, loader):
    coco_file(tmp_path, [((24, 20),)] * 3)
    with pytest.raises(AnnotationError) as error:
        data_set(tmp_path, dict(type=loader), kind)
    assert all(part in str(error.value) for part in ('ann.json', '0.jpg', 'image id 0', '48 x 40', '24 x 20'))
    assert 'grounding_to_coco.py with --classes and --pictures' in str(error.value)


@pytest.fixture
def the_last_differs(tmp_path):
    """Pictures of which the last alone has another size; the first look does not reach it."""
    coco_file(tmp_path, [((48, 40),)] * 33 + [((40, 30),)])
    return tmp_path


def test_a_test_stops_at_the_first_of_another_size(the_last_differs):
    dataset = data_set(the_last_differs, dict(type='LoadImageFromFile'), test_mode=True)
    assert dataset[0]['ori_shape'] == (40, 48)
    with pytest.raises(WrongSizeError, match=r'33.jpg \(image id 33\): 48 x 40 .* 40 x 30 in the file'):
        dataset[33]


def test_training_takes_another_sample_and_counts(the_last_differs):
    dataset = data_set(the_last_differs, dict(type='LoadImageOrSkip', max_unreadable_share=1.0))
    assert not dataset[33]['img_path'].endswith('33.jpg')
    assert '48 x 40 pixels' in dataset.pipeline.transforms[0].counter.summary()
    strict = data_set(the_last_differs, dict(type='LoadImageOrSkip', max_unreadable_share=0.0))
    strict.pipeline.transforms[0].counter.min_images = 1
    with pytest.raises(TooManyUnreadableError, match='40 x 30 in the file'):
        strict[33]


@pytest.mark.parametrize('orientation', range(1, 9))
def test_the_size_is_that_of_the_upright_image(tmp_path, orientation):
    save(tmp_path / 'a.jpg', (48, 40), orientation)
    assert upright_size(str(tmp_path / 'a.jpg')) == load_image(str(tmp_path / 'a.jpg')).shape[:2]


def test_sizes_of_a_turned_image(tmp_path):
    # As it is looked at: right.
    coco_file(tmp_path, [((40, 48), 6)])
    assert data_set(tmp_path, dict(type='LoadImageFromFile'))[0]['ori_shape'] == (40, 48)
    # As it is stored: its boxes would lie on their side.
    coco_file(tmp_path, [((48, 40), 6)])
    with pytest.raises(AnnotationError, match='48 x 40 .* 40 x 48 in the file.*its EXIF turns it'):
        data_set(tmp_path, dict(type='LoadImageFromFile'))


def test_a_header_that_cannot_be_read_is_no_wrong_size(tmp_path):
    coco_file(tmp_path, [((48, 40),)])
    (tmp_path / '0.jpg').write_bytes(b'no image')
    with pytest.raises(UnreadableImageError, match='Cannot read image'):
        data_set(tmp_path, dict(type='LoadImageFromFile'))[0]


def test_grounding_takes_resized_copies_but_no_turned_ones(tmp_path):
    """Its boxes are shares of the image, which stay right."""
    image = dict(id=5, file_name='a.jpg', width=120, height=80, caption='a man', tokens_positive_eval=[[[0, 5]]])
    box = dict(image_id=5, bbox=[1, 2, 10, 20], tokens_positive=[[0, 5]])
    (tmp_path / 'g.json').write_text(json.dumps(dict(images=[image], annotations=[box])))
    save(tmp_path / 'a.jpg', (30, 30))
    pipeline = [dict(type='LoadImage'), dict(type='PackPairs')]
    dataset = GroundingDataset(str(tmp_path / 'g.json'), data_prefix=dict(img=str(tmp_path)), pipeline=pipeline)
    assert dataset[0]['data_samples'].ori_shape == (80, 120)
    save(tmp_path / 'a.jpg', (80, 120))
    with pytest.raises(UnreadableImageError, match=r"a.jpg \(image id 'a'\): 120 x 80 .* 80 x 120 in the file"):
        dataset[0]


def test_stored_features_know_the_size_of_their_image():
    results = dict(image_id='a', ori_shape=(80, 120))
    set_original_shape(results, (224, 224))
    assert results['ori_shape'] == (80, 120)
    with pytest.raises(WrongSizeError, match='changed places'):
        set_original_shape(results, tuple(np.array([120, 80])))


def test_the_size_of_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'a.jpg')
    with pytest.raises(UnreadableImageError, match='not a regular file'):
        upright_size(str(tmp_path / 'a.jpg'))
