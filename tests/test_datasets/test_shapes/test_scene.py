"""Scenes obey the stated difficulty, are the same everywhere, and belong to one split."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from slan_mm.datasets.shapes.scene import (
    COLORS,
    SHAPES,
    SIZES,
    SPLIT_SHARES,
    Scene,
    SceneObject,
    sample_scene,
    scene_rng,
    side_range,
)


def scenes(count, image_size=64, num_objects=(2, 4), split=None):
    return [sample_scene(scene_rng(0, 'train', i, 0), image_size, num_objects, split) for i in range(count)]


def test_numbers_of_the_difficulty():
    assert (len(SHAPES), len(COLORS)) == (6, 8)
    assert SIZES == {'small': (17, 23), 'large': (31, 44)}
    assert side_range('small', 64) == (11, 14)  # .17 * 64 = 10.88, .23 * 64 = 14.72
    assert side_range('large', 64) == (20, 28)  # .31 * 64 = 19.84, .44 * 64 = 28.16
    assert side_range('small', 100) == (17, 23)


@pytest.mark.parametrize(('image_size', 'num_objects'), [(64, (2, 4)), (50, (2, 3)), (128, (4, 8))])
def test_scenes_obey_the_rules(image_size, num_objects):
    counts = set()
    for scene in scenes(150, image_size, num_objects):
        counts.add(len(scene.objects))
        assert len({(o.shape, o.color) for o in scene.objects}) == len(scene.objects)
        for item in scene.objects:
            low, high = SIZES[item.size]
            assert low <= 100 * item.side / image_size <= high
            x1, y1, x2, y2 = item.box
            assert 0 <= x1 < x2 <= image_size and 0 <= y1 < y2 <= image_size and x2 - x1 == y2 - y1 == item.side
        for a, b in combinations(scene.objects, 2):
            (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a.box, b.box
            common = max(min(ax2, bx2) - max(ax1, bx1), 0) * max(min(ay2, by2) - max(ay1, by1), 0)
            assert common == a.overlap(b)
            assert common / min(a.side, b.side) ** 2 <= 0.08
    assert counts == set(range(num_objects[0], num_objects[1] + 1))


def test_everything_is_drawn_about_equally_often():
    sample = scenes(600)
    items = [item for scene in sample for item in scene.objects]
    assert min(Counter(len(scene.objects) for scene in sample).values()) > 160
    assert min(Counter(item.shape for item in items).values()) > 0.8 * len(items) / 6
    assert min(Counter(item.color for item in items).values()) > 0.8 * len(items) / 8
    assert 0.42 < sum(item.size == 'large' for item in items) / len(items) < 0.52
    assert any(a.overlap(b) for scene in sample for a, b in combinations(scene.objects, 2))


def test_scene_is_pinned():
    # The same on every machine and for ever: results are compared on these scenes.
    assert (
        sample_scene(scene_rng(0, 'test', 0, 0), split='test').signature
        == '64:cross,purple,22,27,28;diamond,orange,11,49,11;square,yellow,7,9,22;star,green,53,9,11'
    )
    assert (
        sample_scene(scene_rng(0, 'train', 7, 0), split='train').signature == '64:star,cyan,5,43,11;star,pink,19,40,22'
    )


def test_signature_ignores_order_and_sees_every_difference():
    a = SceneObject('circle', 'red', 'small', 3, 4, 12)
    b = SceneObject('star', 'blue', 'large', 30, 30, 22)
    scene = Scene(64, (a, b))
    assert Scene(64, (b, a)).signature == scene.signature
    others = [
        Scene(65, (a, b)),
        Scene(64, (a,)),
        *(
            Scene(64, (SceneObject(*change), b))
            for change in [
                ('square', 'red', 'small', 3, 4, 12),
                ('circle', 'pink', 'small', 3, 4, 12),
                ('circle', 'red', 'small', 4, 4, 12),
                ('circle', 'red', 'small', 3, 5, 12),
                ('circle', 'red', 'small', 3, 4, 13),
            ]
        ),
    ]
    assert len({scene.signature, *(other.signature for other in others)}) == len(others) + 1


def test_hash_decides_the_split_with_the_stated_shares():
    assert sum(SPLIT_SHARES.values()) == 100
    splits = Counter(scene.split for scene in scenes(1000))
    assert splits['train'] == pytest.approx(800, abs=50)
    assert splits['val'] == pytest.approx(100, abs=40) and splits['test'] == pytest.approx(100, abs=40)


@pytest.mark.parametrize('split', SPLIT_SHARES)
def test_scenes_of_a_split_belong_to_it(split):
    assert {scene.split for scene in scenes(40, split=split)} == {split}


def test_streams_differ():
    draws = {
        tuple(scene_rng(*key).integers(1 << 30, size=3))
        for key in [(0, 'train', 0, 0), (1, 'train', 0, 0), (0, 'val', 0, 0), (0, 'train', 1, 0), (0, 'train', 0, 1)]
    }
    assert len(draws) == 5


def test_no_room_is_an_error():
    with pytest.raises(ValueError, match='30 objects find no room'):
        sample_scene(np.random.default_rng(0), 64, (30, 30))
