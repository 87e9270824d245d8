"""Captions: true of their scenes, with exact spans, of the stated make."""

from collections import Counter

import numpy as np
import pytest

from slan_mm.datasets.shapes.grammar import JOINERS, draw_caption, is_near, spatial_relation, true_joiners, words
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, SIZES, Scene, SceneObject, sample_scene, scene_rng


def drawn(count):
    for i in range(count):
        scene = sample_scene(scene_rng(1, 'train', i, 0))
        yield scene, draw_caption(scene_rng(1, 'train', i, 2), scene)


def object_at(x, y, side=12):
    return SceneObject('circle', 'red', 'small', x, y, side)


@pytest.mark.parametrize(
    ('a', 'b', 'relation'),
    [
        ((0, 20), (30, 25), 'left of'),
        ((30, 25), (0, 20), 'right of'),
        ((20, 0), (25, 30), 'above'),
        ((25, 30), (20, 0), 'below'),
    ],
)
def test_spatial_relation(a, b, relation):
    assert spatial_relation(object_at(*a), object_at(*b)) == relation


def test_near_needs_a_small_gap_on_both_axes():
    a = object_at(10, 10)
    assert is_near(a, object_at(27, 10), 64)  # gap 5 <= .08 * 64 = 5.12
    assert not is_near(a, object_at(28, 10), 64)
    assert is_near(a, object_at(27, 27), 64)
    assert not is_near(a, object_at(10, 28), 64)
    assert true_joiners(a, object_at(28, 10), 64) == ['and', 'left of']
    assert true_joiners(a, object_at(27, 10), 64) == ['and', 'next to', 'left of']


def test_spans_match_and_relations_are_true():
    seen = Counter()
    for scene, caption in drawn(400):
        assert 2 <= len(caption.phrases) <= min(3, len(scene.objects))
        assert len({phrase.index for phrase in caption.phrases}) == len(caption.phrases)
        assert caption.phrases[0].start == 0 and caption.phrases[-1].end == len(caption.text)
        for phrase in caption.phrases:
            item = scene.objects[phrase.index]
            text = caption.text[phrase.start : phrase.end]
            assert text in (f'{item.color} {item.shape}', f'{item.size} {item.color} {item.shape}')
        for first, second in zip(caption.phrases, caption.phrases[1:], strict=False):
            joiner = caption.text[first.end : second.start]
            assert joiner[0] == joiner[-1] == ' '
            seen[joiner.strip()] += 1
            check_joiner(joiner.strip(), scene.objects[first.index].box, scene.objects[second.index].box)
    assert set(seen) == set(JOINERS)
    assert min(seen.values()) > 30


def check_joiner(joiner, a, b):
    gap = max(max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3]))
    dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    truth = {
        'and': True,
        'next to': gap <= 0.08 * 64,
        'left of': dx < 0 and abs(dx) >= abs(dy),
        'right of': dx > 0 and abs(dx) >= abs(dy),
        'above': dy < 0 and abs(dy) > abs(dx),
        'below': dy > 0 and abs(dy) > abs(dx),
    }
    assert truth[joiner], (joiner, a, b)


def test_size_is_told_half_the_time_and_counts_are_even():
    sized, phrases, three = 0, 0, 0
    for scene, caption in drawn(600):
        phrases += len(caption.phrases)
        sized += sum(caption.text[p.start : p.end].split()[0] in SIZES for p in caption.phrases)
        three += len(caption.phrases) == 3
        assert len(caption.phrases) == 2 or len(scene.objects) > 2
    assert 0.45 < sized / phrases < 0.55
    assert 0.25 < three / 600 < 0.42  # half of the scenes that have three objects or more


def test_captions_say_nothing_outside_the_grammar():
    vocabulary = set(words())
    assert vocabulary == {
        *(*COLORS, *SHAPES, 'small', 'large', 'and', 'next', 'to', 'left', 'right', 'of', 'above', 'below')
    }
    said = {word for _, caption in drawn(400) for word in caption.text.split()}
    assert said == vocabulary


def test_caption_is_pinned():
    scene = sample_scene(scene_rng(0, 'test', 0, 0), split='test')
    assert draw_caption(scene_rng(0, 'test', 0, 2), scene).text == 'yellow square and small green star'


def test_one_object_is_an_error():
    with pytest.raises(ValueError, match='the scene has 1'):
        draw_caption(np.random.default_rng(0), Scene(64, (object_at(0, 0),)))
