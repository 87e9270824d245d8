"""Damaged files among the training pictures of OpenMMLab's own data sets."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from slan_mm.datasets import CocoDataset
from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.transforms import LoadImage, LoadImageFromFile, LoadImageOrSkip
from slan_mm.datasets.transforms.load_image import load_image
from slan_mm.datasets.unreadable import TooManyUnreadableError, UnreadableImageError
from slan_mm.registry import TRANSFORMS

#: What detection reads pictures with: in training, and in a test.
KINDS = ('LoadImageOrSkip', 'LoadImageFromFile')


def save_noise(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).save(path)


def test_a_whole_file_is_bgr(tmp_path):
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
    assert 'b.jpg (OSError' in counter.summary() and 'missing.jpg (FileNotFoundError' in counter.summary()


GREY16 = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
CLEAR = np.dstack([np.full((20, 30, 3), (200, 30, 60)), np.linspace(0, 255, 600).reshape(20, 30)]).astype(np.uint8)
PHOTO = Image.fromarray(CLEAR[..., :3])


def with_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ('name', 'picture', 'options', 'corner'),
    [
        ('16.png', Image.fromarray(GREY16), {}, (0, 0, 0)),
        ('rgba.png', Image.fromarray(CLEAR), {}, (255, 255, 255)),
        ('la.png', Image.fromarray(CLEAR).convert('LA'), {}, (255, 255, 255)),
        ('palette.png', PHOTO.convert('P'), dict(transparency=PHOTO.convert('P').getpixel((0, 0))), (255, 255, 255)),
        ('1.png', Image.fromarray(GREY16 > 30000), {}, (0, 0, 0)),
        ('cmyk.jpg', PHOTO.convert('CMYK'), dict(quality=100), (200, 30, 60)),
        ('turned.jpg', PHOTO, dict(exif=with_exif(6), quality=100), (200, 30, 60)),
        ('unit.tif', Image.fromarray(np.linspace(1, 0, 600, dtype=np.float32).reshape(20, 30)), {}, (255, 255, 255)),
        ('16.tif', Image.fromarray(GREY16[::-1, ::-1].copy()), {}, (255, 255, 255)),
    ],
)
def test_training_test_and_inference_see_one_picture(tmp_path, name, picture, options, corner):
    path = str(tmp_path / name)
    picture.save(path, **options)
    init_default_scope('slan_mm')
    seen = [TRANSFORMS.build(dict(type=kind))(dict(img_path=path))['img'][..., ::-1] for kind in KINDS]
    seen += [LoadImage()(dict(img_path=path))['img'], read_picture(path), read_picture(Image.open(path))]
    for one in seen:
        assert one.dtype == np.uint8 and one.shape == ((30, 20, 3) if name == 'turned.jpg' else (20, 30, 3))
        np.testing.assert_array_equal(one, seen[0])
    np.testing.assert_allclose(seen[0][0, 0].astype(int), corner, atol=3)
    assert name == 'turned.jpg' or np.ptp(seen[0]) > 100


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_picture_without_a_finite_value_is_unreadable(tmp_path, value):
    path = tmp_path / 'nothing.tif'
    Image.fromarray(np.full((20, 30), value, np.float32)).save(path)
    for read in (load_image, read_picture, lambda path: read_picture(Image.open(path))):
        with pytest.raises(UnreadableImageError, match='no pixel has a finite value'):
            read(str(path))
    Image.fromarray(np.array([[value, 1.0], [0.0, 0.5]], np.float32)).save(path)
    assert load_image(str(path))[..., 0].tolist() == [[0 if np.isnan(value) else 255, 255], [0, 128]]


def test_an_evaluation_names_a_picture_that_it_cannot_read(tmp_path):
    with pytest.raises(UnreadableImageError, match=r'gone\.jpg'):
        LoadImageFromFile()(dict(img_path=str(tmp_path / 'gone.jpg')))


def test_too_many_stop_the_run(tmp_path):
    load = LoadImageOrSkip(max_unreadable_share=0.5)
    nowhere = str(tmp_path / 'nowhere.jpg')
    for _ in range(load.counter.min_images - 1):
        assert load.transform({'img_path': nowhere}) is None
    with pytest.raises(TooManyUnreadableError, match='nowhere.jpg'):
        load.transform({'img_path': nowhere})
