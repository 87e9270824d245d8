"""Pixels: tight, in the right colour, on a background that gives nothing away, the same everywhere."""

from hashlib import sha256

import numpy as np
import pytest

from slan_mm.datasets.shapes.render import PALETTE, render_scene, shape_coverage
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, Scene, SceneObject, sample_scene, scene_rng


def luma(image):
    return image @ np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('side', [6, 11, 12, 14, 20, 28, 99])
def test_boxes_are_tight(shape, side):
    coverage = shape_coverage(shape, side)
    assert coverage.shape == (side, side) and coverage.min() >= 0 and coverage.max() == 16
    assert all(edge.any() for edge in (coverage[0], coverage[-1], coverage[:, 0], coverage[:, -1]))
    assert np.abs(coverage - coverage[:, ::-1]).max() <= 4  # left and right alike, up to the sub-pixels of a border


def test_areas_are_those_of_the_shapes():
    side = 96
    share = {shape: shape_coverage(shape, side).sum() / (16 * side**2) for shape in SHAPES}
    assert share['square'] == 1
    assert share['circle'] == pytest.approx(np.pi / 4, abs=2e-3)
    assert share['triangle'] == share['diamond'] == pytest.approx(0.5, abs=2e-3)
    assert share['cross'] == pytest.approx(1 - 4 * 0.33**2, abs=5e-3)
    assert 0.25 < share['star'] < 0.4


def test_shapes_differ_at_the_smallest_size():
    masks = [shape_coverage(shape, 11).astype(float) for shape in SHAPES]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert np.abs(a - b).mean() / 16 > 0.08


def test_objects_are_drawn_where_their_boxes_say():
    box = SceneObject('square', 'red', 'large', 5, 30, 25)
    other = SceneObject('square', 'blue', 'small', 45, 3, 11)
    image = render_scene(np.random.default_rng(0), Scene(64, (box, other))).astype(float)
    assert image.shape == (64, 64, 3)
    redness = image[..., 0] - image[..., 2]
    inside = np.zeros((64, 64), bool)
    inside[30:55, 5:30] = True
    assert redness[inside].min() > 50  # down to the border pixels: the box is exact
    assert redness[~inside].max() < 110 and redness[~inside].mean() < 10
    patch = image[3:14, 45:56]
    assert np.abs(patch.mean((0, 1)) - PALETTE['blue']).max() < 30


def test_later_objects_cover_earlier_ones():
    below = SceneObject('square', 'red', 'large', 10, 10, 20)
    above = SceneObject('square', 'green', 'large', 28, 28, 20)
    image = render_scene(np.random.default_rng(0), Scene(64, (below, above))).astype(int)
    corner = image[28:30, 28:30].mean((0, 1))
    assert corner[1] > corner[0]


def test_background_is_mottled_noisy_and_as_bright_as_the_objects():
    inside_means, outside_means, noise, spots = [], [], [], []
    for i in range(60):
        scene = sample_scene(scene_rng(0, 'train', i, 0))
        image = render_scene(scene_rng(0, 'train', i, 1), scene).astype(float)
        inside = np.zeros((64, 64), bool)
        for item in scene.objects:
            x1, y1, x2, y2 = item.box
            inside[y1:y2, x1:x2] = True
        grey = luma(image)
        inside_means.append(grey[inside].mean())
        outside_means.append(grey[~inside].mean())
        steps = np.abs(np.diff(grey, axis=1))[~(inside[:, 1:] | inside[:, :-1])]
        noise.append(steps.mean())
        coarse = [
            grey[y : y + 8, x : x + 8][~inside[y : y + 8, x : x + 8]] for y in range(0, 64, 8) for x in range(0, 64, 8)
        ]
        spots.append(np.std([block.mean() for block in coarse if block.size > 20]))
    assert abs(np.mean(inside_means) - np.mean(outside_means)) < 12
    assert np.corrcoef(inside_means, outside_means)[0, 1] > 0.5
    assert np.mean(noise) > 5 and np.mean(spots) > 8


def test_colors_stay_apart_under_jitter():
    for name in COLORS:
        means = []
        for i in range(20):
            scene = Scene(64, (SceneObject('square', name, 'small', 20, 20, 14),))
            means.append(render_scene(np.random.default_rng(i), scene)[20:34, 20:34].mean((0, 1)))
        for mean in means:
            nearest = min(COLORS, key=lambda color: np.abs(mean - PALETTE[color]).sum())
            assert nearest == name


def test_pixels_are_pinned():
    digest = sha256()
    for i in range(5):
        scene = sample_scene(scene_rng(0, 'test', i, 0), split='test')
        image = render_scene(scene_rng(0, 'test', i, 1), scene)
        assert image.dtype == np.uint8 and image.flags.c_contiguous
        digest.update(image.tobytes())
    assert digest.hexdigest() == '06976f274bde347c720710f935695c33de74bd4f761fa2f55c4658ac21c79eb7'


def test_larger_images():
    scene = sample_scene(np.random.default_rng(0), 130, (5, 6))
    assert render_scene(np.random.default_rng(0), scene).shape == (130, 130, 3)
