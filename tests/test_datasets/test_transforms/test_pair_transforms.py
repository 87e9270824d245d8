import numpy as np
import pytest
import torch
from PIL import Image

from slan_mm.datasets import item_rng
from slan_mm.registry import TRANSFORMS


def build(type, **options):
    return TRANSFORMS.build({'type': type, **options})


@pytest.mark.parametrize('size', [(6, 10), 7])
def test_resize_without_aspect_ratio(size):
    img = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    results = build('ResizeImage', size=size)({'img': img})
    height, width = (size, size) if isinstance(size, int) else size
    assert results['img'].shape == (height, width, 3)
    assert results['img_shape'] == (height, width)
    expected = Image.fromarray(img).resize((width, height), Image.Resampling.BICUBIC)
    assert np.array_equal(results['img'], np.asarray(expected))


def flips(text, prob=0.5, count=60):
    img = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    transform = build('RandomFlipPair', prob=prob)
    outcomes = []
    for index in range(count):
        results = transform({'img': img, 'text': text, 'rng': item_rng(0, 0, index)})
        mirrored = results['img'][0, 0, 0] == 3
        assert mirrored == results['flip']
        outcomes.append(results['flip'])
    return outcomes


def test_flip_depends_on_the_rng_alone():
    outcomes = flips('a dog')
    assert outcomes == flips('a cat')
    assert 15 < sum(outcomes) < 45
    assert all(flips('a dog', prob=1.0)) and not any(flips('a dog', prob=0.0))


@pytest.mark.parametrize(
    'text',
    ['a dog to the left of a cat', 'The RIGHT one', 'the leftmost dog', 'right-handed', ['a dog', 'facing left']],
)
def test_flip_leaves_sided_captions(text):
    assert not any(flips(text, prob=1.0))


@pytest.mark.parametrize('text', ['a bright dog', 'a cleft chin', 'leftovers on a plate'])
def test_flip_knows_words_that_only_contain_left_or_right(text):
    assert all(flips(text, prob=1.0))


def test_flip_and_cleaning_refuse_boxes_and_spans():
    results = {'img': np.zeros((1, 2, 3), np.uint8), 'text': 'a dog', 'phrases': [], 'sample_id': 's1'}
    with pytest.raises(ValueError, match="'s1'.*boxes"):
        build('RandomFlipPair')({**results, 'rng': item_rng(0, 0, 0)})
    with pytest.raises(ValueError, match="'s1'.*spans"):
        build('CleanCaptionPair')(dict(results))
    with pytest.raises(ValueError, match='prob'):
        build('RandomFlipPair', prob=2)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('A black-and-white  dog, (running)!', 'a black and white dog running'),
        ('man/woman - together .', 'man woman together'),
        (['One.', 'TWO'], ['one', 'two']),
        ('!!!', '!!!'),
    ],
)
def test_clean_caption(text, expected):
    cleaned = build('CleanCaptionPair')({'text': text})['text']
    assert (' '.join(cleaned.split()) if isinstance(cleaned, str) else cleaned) == expected


def test_pack_pairs():
    img = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    phrase = {'spans': [(0, 1)], 'boxes': [[0, 1, 2, 3]], 'category': ['people'], 'phrase_id': 7}
    none = {'spans': [[2, 5]], 'boxes': [], 'category': None, 'phrase_id': '8'}
    results = {
        'img': img[:, ::-1], 'img_path': 'a.jpg', 'image_id': 3, 'sample_id': '3#0', 'ori_shape': (20, 40),
        'text': 'a dog', 'phrases': [phrase, none], 'rng': item_rng(0, 0, 0), 'flip': True,
    }  # fmt: skip
    item = build('PackPairs', meta_keys=['flip'])(results)
    assert item['inputs'].dtype == torch.uint8 and item['inputs'].shape == (3, 2, 4)
    assert item['inputs'][:, 0, 0].tolist() == [9, 10, 11]
    sample = item['data_samples']
    assert sample.image_id == '3' and sample.sample_id == '3#0' and sample.img_path == 'a.jpg' and sample.flip
    assert sample.ori_shape == (20, 40) and sample.img_shape == (2, 4)
    assert sample.text == 'a dog'
    assert sample.phrases[0]['boxes'].tolist() == [[0, 1, 2, 3]]
    assert sample.phrases[0]['spans'] == [[0, 1]] and sample.phrases[0]['phrase_id'] == '7'
    assert sample.phrases[1]['boxes'].shape == (0, 4)
    assert build('PackPairs')({'img': img, 'text': ('a', 'b')})['data_samples'].text == ['a', 'b']


def test_pack_pairs_refuses_other_images():
    with pytest.raises(TypeError, match="'s'.*uint8"):
        build('PackPairs')({'img': np.zeros((2, 2, 3), np.float32), 'sample_id': 's'})
    with pytest.raises(ValueError, match=r'\(2, 2\)'):
        build('PackPairs')({'img': np.zeros((2, 2), np.uint8)})


def test_views_are_the_same_each_time_and_within_bounds():
    img = np.arange(40 * 60, dtype=np.int64).reshape(40, 60, 1)
    shares, corners = [], set()
    for name in range(200):
        crop = build('CropView', view=1, area=(0.4, 0.9))({'img': img, 'image_id': str(name)})['img']
        again = build('CropView', view=1, area=(0.4, 0.9))({'img': img, 'image_id': str(name)})['img']
        assert np.array_equal(crop, again)
        # Rows and columns are neighbours in the picture.
        assert (np.diff(crop[:, 0, 0]) == 60).all() and (np.diff(crop[0, :, 0]) == 1).all()
        shares.append(crop.size / img.size)
        corners.add(int(crop[0, 0, 0]))
    assert 0.38 < min(shares) < 0.45 and 0.8 < max(shares) < 0.92 and len(corners) > 100
    others = [build('CropView', **{'view': 1, **new})({'img': img, 'image_id': '0'})['img'] for new in (
        {}, {'view': 2}, {'seed': 1}
    )]  # fmt: skip
    assert len({(other.shape, int(other[0, 0, 0])) for other in others}) == 3
    # Of all the area one side is whole, and the other as short as the aspect asks.
    whole = build('CropView', view=1, area=(1, 1))({'img': img, 'image_id': '0'})['img']
    height, width = whole.shape[0] / 40, whole.shape[1] / 60
    assert max(height, width) == 1 and min(height, width) >= 0.85


def test_views_are_mirrored_as_often_as_asked():
    img = np.arange(60 * 60, dtype=np.int64).reshape(60, 60, 1).repeat(3, 2)
    mirrored = 0
    for name in range(300):
        crop = build('CropView', view=1, flip_prob=0.3)({'img': img, 'image_id': str(name)})['img']
        plain = build('CropView', view=1)({'img': img, 'image_id': str(name)})['img']
        flipped = np.array_equal(crop, plain[:, ::-1])
        assert flipped or np.array_equal(crop, plain)
        mirrored += flipped
    assert 0.2 < mirrored / 300 < 0.4
    with pytest.raises(ValueError, match='flip_prob must be a probability, got 2'):
        build('CropView', view=1, flip_prob=2)


def test_views_refuse_bounds_and_boxes():
    for wrong in (dict(area=(0, 1)), dict(area=(0.9, 0.5)), dict(area=(0.5, 1.1))):
        with pytest.raises(ValueError, match='bounds'):
            build('CropView', view=1, **wrong)
    with pytest.raises(ValueError, match="sample 's': CropView does not move boxes"):
        build('CropView', view=1)({'img': np.zeros((4, 4, 3)), 'image_id': '0', 'phrases': [], 'sample_id': 's'})


def test_a_blank_image_tells_nothing():
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in (9, 200)]
    blank = build('BlankImage')({'img': pictures[0], 'text': 'a'})
    assert blank['img'].shape == (4, 6, 3) and blank['img'].dtype == np.uint8 and not blank['img'].any()
    assert blank['text'] == 'a' and pictures[0].any()
    assert [one.any() for one in build('BlankImage')({'img': pictures})['img']] == [False, False]
