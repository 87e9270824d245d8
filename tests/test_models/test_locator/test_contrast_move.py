"""Sizes by inside-against-surround contrast, against loops and numbers on paper."""

import pytest
import torch

from slan_mm.models.locator import ContrastMove
from slan_mm.models.locator.boxes import clip_boxes

#: A move that stays where it is, so that sizes alone are looked at.
STAY = dict(type='ScalarMove', ratio=1e-6, size_factors='fixed')
WORD = torch.ones(1, 1, dtype=torch.bool)


def object_at(left, top, right, bottom, size=32):
    """An activation map (1, 1, size, size), 1 over an object in cells, 0 elsewhere."""
    activation = torch.zeros(1, 1, size, size)
    activation[0, 0, top:bottom, left:right] = 1.0
    return activation


@pytest.mark.parametrize(('width', 'height'), [(0.125, 0.5), (0.25, 0.25), (0.5, 0.125)])
def test_box_grows_and_shrinks_to_the_object(width, height):
    """An object of .25 x .25 in the middle; the boxes have half, once and twice its sides."""
    activation = object_at(12, 12, 20, 20)
    move = ContrastMove(STAY, factors=(0.5, 1.0, 2.0), sharpness=1e3)
    moved = move(torch.tensor([[[0.5, 0.5, width, height]]]), activation, WORD)[0, 0]
    torch.testing.assert_close(moved, torch.tensor([0.5, 0.5, 0.25, 0.25]), atol=1e-3, rtol=0)


def test_contrast_by_hand():
    """A column of 8 of 16 cells at 1 and the rest at 0, a box as high as the picture: only widths matter.

    The box .25 wide and its surround of .375 lie inside the object: both have mean 1, no contrast. The box .5 wide is
    the object but for the slopes of the bilinear map at its two sides, of which each takes 1/8 of a cell from inside
    and gives it outside: the means are (8 - 1/4) / 8 inside and (1/4) / 4 around.
    """
    activation = object_at(4, 0, 12, 16, size=16)
    move = ContrastMove(STAY, factors=(1.0, 2.0), surround=1.5)
    contrast = move.contrast(torch.tensor([[[0.5, 0.5, 0.25, 1.0]]]), activation, WORD)[0, 0]
    # Candidates in the order (1, 1), (1, 2), (2, 1), (2, 2); heights over 1 are cut to the picture.
    expected = torch.tensor([0.0, 0.0, 1 - 1 / 32 - 1 / 16, 1 - 1 / 32 - 1 / 16])
    torch.testing.assert_close(contrast, expected, atol=1e-5, rtol=0)
    move.sharpness = 1e-13
    moved = move(torch.tensor([[[0.5, 0.5, 0.25, 1.0]]]), activation, WORD)[0, 0]
    # All candidates alike: the geometric mean of 1 and 2; the height is cut.
    torch.testing.assert_close(moved, torch.tensor([0.5, 0.5, 0.25 * 2**0.5, 1.0]), atol=1e-5, rtol=0)


def test_the_whole_picture_has_no_surround():
    move = ContrastMove(STAY, factors=(1.0, 2.0))
    contrast = move.contrast(torch.tensor([[[0.5, 0.5, 1.0, 1.0]]]), torch.rand(1, 1, 8, 8), WORD)
    torch.testing.assert_close(contrast, torch.zeros(1, 1, 4), atol=1e-5, rtol=0)


def test_each_region_has_sizes_of_its_own_by_its_own_words():
    """Word 0's object is small, word 1's large; each region sits on one of them."""
    activation = torch.cat([object_at(4, 4, 8, 8), object_at(14, 14, 30, 30)], dim=1)
    boxes = torch.tensor([[[6 / 32, 6 / 32, 0.25, 0.25], [22 / 32, 22 / 32, 0.25, 0.25]]])
    move = ContrastMove(STAY, factors=(0.5, 1.0, 2.0), sharpness=1e3, word_sharpness=1e2)
    moved = move(boxes, activation, torch.ones(1, 2, dtype=torch.bool))[0]
    torch.testing.assert_close(moved[:, 2:], torch.tensor([[0.125, 0.125], [0.5, 0.5]]), atol=1e-3, rtol=0)


def test_padded_words_and_other_pairs_never_count():
    torch.manual_seed(0)
    move = ContrastMove(dict(type='MomentMove', ratio=0.5))
    activation, boxes = torch.rand(2, 3, 8, 8), clip_boxes(torch.rand(2, 4, 4))
    mask = torch.tensor([[True, True, True], [True, True, False]])
    expected = move(boxes, activation, mask)
    padded = torch.cat([activation, torch.full((2, 2, 8, 8), 1e3)], 1)
    more = torch.cat([mask, torch.zeros(2, 2, dtype=torch.bool)], 1)
    torch.testing.assert_close(move(boxes, padded, more), expected)
    torch.testing.assert_close(move(boxes[1:], activation[1:, :2], mask[1:, :2])[0], expected[1])


def test_gradient_reaches_box_and_map():
    torch.manual_seed(0)
    activation = torch.rand(1, 2, 8, 8, requires_grad=True)
    boxes = torch.tensor([[[0.5, 0.5, 0.3, 0.2]]], requires_grad=True)
    move = ContrastMove(STAY)
    move(boxes, activation, torch.ones(1, 2, dtype=torch.bool))[..., 2:].square().sum().backward()
    assert activation.grad.abs().sum() > 0 and boxes.grad[..., 2:].abs().sum() > 0


def test_settings_that_make_no_sense():
    for wrong in (dict(factors=(0.0, 1.0)), dict(factors=()), dict(surround=1.0)):
        with pytest.raises(ValueError, match='positive'):
            ContrastMove(STAY, **wrong)
