"""Eq. 2, and its extension by moments, against loops and numbers on paper."""

import math

import pytest
import torch
from torch import nn

from slan_mm.models.locator import LiteralMove, MomentMove, ScalarMove
from slan_mm.models.locator.boxes import clip_boxes
from slan_mm.models.locator.moves import SizeFactors

WORD = torch.ones(1, 1, dtype=torch.bool)


class GivenSimilarity(nn.Module):
    """Stands in for the pooling: the cells' similarities are given."""

    def __init__(self, s):
        super().__init__()
        self.s = torch.as_tensor(s).view(1, -1, 1)

    def forward(self, feature_map, boxes):
        self.boxes = boxes
        return self.s


def move_with(s, box=(0.5, 0.5, 0.2, 0.2), kind=ScalarMove, **kwargs):
    move = kind(**kwargs)
    move.pooling = GivenSimilarity(s)
    return move(torch.tensor([[box]]), torch.zeros(1, 1, 4, 4), WORD)[0, 0]


def one_cell(j, value=1.0, k=3):
    s = torch.zeros(k * k)
    s[j] = value
    return s


# ------------------------------------------------------------------------------------------------------ ScalarMove


@pytest.mark.parametrize(
    ('j', 'dx', 'dy'), [(0, -1, -1), (1, 0, -1), (2, 1, -1), (3, -1, 0), (4, 0, 0), (5, 1, 0), (6, -1, 1), (8, 1, 1)]
)
def test_raw_move_goes_toward_the_cell_that_responds(j, dx, dy):
    """s = .3 in one cell of a 3 x 3 neighbourhood of half the image: .3 of a cell of side 1/6 that way. Columns move
    x and rows move y: j = 5 is row 1, column 2, to the right; j = 7 is row 2, column 1, down."""
    moved = move_with(one_cell(j, 0.3), ratio=0.5, kind=LiteralMove)
    torch.testing.assert_close(moved, torch.tensor([0.5 + dx * 0.05, 0.5 + dy * 0.05, 0.2, 0.2]))


def test_raw_sum_is_equation_2():
    k, ratio = 3, 0.25
    s = torch.linspace(-0.4, 0.9, 9)
    cell = ratio / k
    dx = sum(float(s[j]) * cell * ((j % k) - k // 2) for j in range(k * k))
    dy = sum(float(s[j]) * cell * ((j // k) - k // 2) for j in range(k * k))
    moved = move_with(s, ratio=ratio, kind=LiteralMove)
    torch.testing.assert_close(moved, torch.tensor([0.5 + dx, 0.5 + dy, 0.2, 0.2]))


def test_softmax_move_is_a_convex_combination():
    torch.testing.assert_close(move_with(torch.full((9,), 0.7), ratio=1.0)[:2], torch.tensor([0.5, 0.5]))
    # Cosine x 10: one cell at 1 and eight at 0 share exp(10) : 8.
    weight = math.exp(10) / (math.exp(10) + 8)
    shift = (weight - (1 - weight) / 8) / 3
    moved = move_with(one_cell(5), ratio=1.0)
    torch.testing.assert_close(moved[:2], torch.tensor([0.5 + shift, 0.5]))
    # However large the similarities, no further than the outermost cell's centre.
    assert move_with(one_cell(8, 1e3), ratio=1.0)[:2].tolist() == pytest.approx([0.5 + 1 / 3] * 2)


@pytest.mark.parametrize('ratio', [1.0, 0.5, 0.25])
def test_neighbourhood_is_a_share_of_the_image_cut_into_k_by_k(ratio):
    move = ScalarMove(ratio=ratio)
    move.pooling = GivenSimilarity(torch.zeros(9))
    box = torch.tensor([[[0.4, 0.45, 0.3, 0.1]]])
    _, offset = move.similarity(box, torch.zeros(1, 1, 4, 4), WORD)
    steps = torch.tensor([-1.0, 0.0, 1.0]) * ratio / 3
    torch.testing.assert_close(offset[0, 0], torch.cartesian_prod(steps, steps).flip(-1))
    centre_cell = move.pooling.boxes[0, 4]
    torch.testing.assert_close(centre_cell, torch.tensor([0.4, 0.45, ratio / 3, ratio / 3]))


def test_similarity_is_the_best_word_of_each_cell_pooled_from_the_map():
    """An activation of plain stripes: word 0 responds on the left third, word 1 on the right, 2 is padding."""
    activation = torch.zeros(1, 3, 6, 6)
    activation[0, 0, :, :2] = 0.6
    activation[0, 1, :, 4:] = 0.8
    activation[0, 2] = 5.0
    move = LiteralMove(ratio=0.5)
    words = torch.tensor([[True, True, False]])
    s, _ = move.similarity(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, words)
    # Cells are 1 wide on the map and lie over [1.5, 2.5], [2.5, 3.5], [3.5, 4.5]; between the centres of cells 1 and
    # 2 (at 1.5 and 2.5) the map falls from .6 to 0, mean .3; from 3.5 to 4.5 it rises to .8, mean .4.
    torch.testing.assert_close(s.view(3, 3), torch.tensor([[0.3, 0.0, 0.4]] * 3), atol=1e-6, rtol=0)
    moved = move(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, words)
    torch.testing.assert_close(moved[0, 0], torch.tensor([0.5 + 3 * 0.1 / 6, 0.5, 0.2, 0.2]))


def test_sizes_are_scaled_and_boxes_cut_to_the_image():
    move = LiteralMove(ratio=1.0)
    move.pooling = GivenSimilarity(one_cell(5, 1.0))
    with torch.no_grad():
        move.factors.log_p.copy_(torch.tensor([2.0, 0.5]).log())
    moved = move(torch.tensor([[[0.3, 0.5, 0.1, 0.2]]]), torch.zeros(1, 1, 4, 4), WORD)[0, 0]
    torch.testing.assert_close(moved, torch.tensor([0.3 + 1 / 3, 0.5, 0.2, 0.1]))
    moved = move(torch.tensor([[[0.6, 0.5, 0.1, 0.2]]]), torch.zeros(1, 1, 4, 4), WORD)[0, 0]
    # The centre would be at .9333, the right side at 1.0333: cut at 1.
    torch.testing.assert_close(moved, torch.tensor([(0.8333333 + 1) / 2, 0.5, 0.1666667, 0.1]))


def test_size_factors():
    free, fixed, bounded = SizeFactors('free'), SizeFactors('fixed'), SizeFactors('bounded', bound=1.25)
    for factors in (free, fixed, bounded):
        assert factors().tolist() == [1.0, 1.0]
    assert free.log_p.requires_grad and bounded.log_p.requires_grad and not fixed.log_p.requires_grad
    with torch.no_grad():
        bounded.log_p.copy_(torch.tensor([50.0, -50.0]))
    assert bounded().tolist() == pytest.approx([1.25, 0.8])
    with pytest.raises(ValueError, match='fixed'):
        SizeFactors('loose')


# ------------------------------------------------------------------------------------------------------ MomentMove


def map_of(*regions, size=16, words=1):
    """An activation map (1, words, size, size): ``regions`` are (word, left, top, right, bottom) in cells, at 1."""
    activation = torch.zeros(1, words, size, size)
    for word, left, top, right, bottom in regions:
        activation[0, word, top:bottom, left:right] = 1.0
    return activation


def words_mask(*flags):
    return torch.tensor([flags])


@pytest.mark.parametrize('extent', [(4, 2, 10, 8), (7, 5, 9, 13), (5, 5, 6, 6)])
def test_uniform_response_over_a_box_reproduces_the_box(extent):
    left, top, right, bottom = extent
    move = MomentMove(ratio=1.0, sharpness=1e4)
    assert move.c == math.sqrt(12)
    moved = move(torch.tensor([[[0.5, 0.5, 0.1, 0.1]]]), map_of((0, *extent)), WORD)[0, 0]
    expected = torch.tensor([left + right, top + bottom, 2 * (right - left), 2 * (bottom - top)]) / 32
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)


def test_first_moment_and_variance_by_hand():
    """Cells at x = 3/16 and 11/16 respond with ln 3 and 0, sharpness 1: weights 3/4 and 1/4."""
    activation = torch.full((1, 1, 8, 8), -100.0)
    activation[0, 0, 4, 1] = math.log(3)
    activation[0, 0, 4, 5] = 0.0
    move = MomentMove(ratio=1.5, sharpness=1.0, c=2.0)
    moved = move(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, WORD)[0, 0]
    mean = 3 / 4 * 3 / 16 + 1 / 4 * 11 / 16
    width = 2 * math.sqrt(3 / 16 * (1 / 2) ** 2 + 1 / 64 / 12)
    x1, x2 = max(0, mean - width / 2), mean + width / 2
    expected = torch.tensor([(x1 + x2) / 2, 9 / 16, x2 - x1, 2 / 8 / math.sqrt(12)])
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)


def test_blur_narrows_every_box_by_so_many_cells():
    """As above, but for 1.5 cells of 1/8; the side that is left with nothing is the smallest there is."""
    activation = torch.full((1, 1, 8, 8), -100.0)
    activation[0, 0, 4, 1] = math.log(3)
    activation[0, 0, 4, 5] = 0.0
    move = MomentMove(ratio=1.5, sharpness=1.0, c=2.0, blur=1.5)
    moved = move(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, WORD)[0, 0]
    assert moved[2].item() == pytest.approx(2 * math.sqrt(3 / 64 + 1 / 64 / 12) - 1.5 / 8, abs=1e-5)
    assert moved[3].item() == pytest.approx(0.02)


def test_over_the_threshold_all_cells_count_the_same():
    """Three cells in a row at .9, .8 and .6 of cosine, one apart at .2; the threshold is .45."""
    activation = torch.zeros(1, 1, 8, 8)
    activation[0, 0, 2, 2:5] = torch.tensor([0.9, 0.8, 0.6])
    activation[0, 0, 7, 7] = 0.2
    move = MomentMove(ratio=2.0, threshold=0.5, sharpness=200.0)
    s, _ = move.distribution(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, WORD)
    torch.testing.assert_close(s.view(8, 8)[2, 2:5], torch.full((3,), 1 / 3), atol=1e-5, rtol=0)
    moved = move(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, WORD)[0, 0]
    torch.testing.assert_close(moved, torch.tensor([3.5, 2.5, 3.0, 1.0]) / 8, atol=1e-4, rtol=0)


@pytest.mark.parametrize('height', [0.5, 0.0, -0.5])
def test_threshold_of_a_flat_map_whatever_its_height(height):
    move = MomentMove(ratio=0.5, threshold=0.5, sharpness=12.0)
    activation = torch.full((1, 1, 8, 8), height, requires_grad=True)
    moved = move(torch.tensor([[[0.5, 0.5, 0.2, 0.2]]]), activation, WORD)
    moved.sum().backward()
    assert moved.isfinite().all() and activation.grad.isfinite().all()


def test_moments_over_k_by_k_cells_by_hand():
    """A window of .5 in 5 x 5 cells of .1: column 3, row 1 responds. The mean is its centre, the variance its own."""
    response = torch.full((25,), -100.0)
    response[1 * 5 + 3] = 0.0
    move = MomentMove(ratio=0.5, k=5, c=2.0, sharpness=1.0)
    move.pooling = GivenSimilarity(response)
    cells = move.pooling

    class Both(nn.Module):
        def forward(self, feature_map, boxes):
            return torch.zeros(1, 1, 1) if boxes.shape[1] == 1 else cells(feature_map, boxes)

    move.pooling = Both()
    moved = move(torch.tensor([[[0.5, 0.4, 0.3, 0.3]]]), torch.zeros(1, 1, 4, 4), WORD)[0, 0]
    side = 2 * 0.1 / math.sqrt(12)
    torch.testing.assert_close(moved, torch.tensor([0.6, 0.3, side, side]))


def test_fine_cells_agree_with_those_of_the_map_where_these_are_fine_enough():
    """K x K cells that are the map's own cells, on a slope: the mean over a cell is its value, but at the border."""
    activation = (torch.arange(16.0)[:, None] + 2 * torch.arange(16.0)).view(1, 1, 16, 16) / 48
    box = torch.tensor([[[0.5, 0.5, 0.2, 0.2]]])
    own, cut = MomentMove(ratio=1.0, sharpness=4.0), MomentMove(ratio=1.0, sharpness=4.0, k=16)
    torch.testing.assert_close(cut(box, activation, WORD), own(box, activation, WORD), atol=2e-3, rtol=0)


def test_cells_outside_the_picture_take_no_part():
    move = MomentMove(ratio=1.0, k=7)
    box = torch.tensor([[[0.0, 1.0, 0.2, 0.2]]])
    s, centres = move.distribution(box, torch.rand(1, 1, 8, 8), WORD)
    inside = ((centres >= 0) & (centres <= 1)).all(-1)
    assert inside.sum() == 16 and (s[~inside] == 0).all() and s.sum() == pytest.approx(1)


def test_nothing_outside_the_window_counts():
    box = torch.tensor([[[0.25, 0.25, 0.2, 0.2]]])
    near, far = (0, 2, 2, 6, 6), (0, 12, 12, 16, 16)
    move = MomentMove(ratio=0.5, sharpness=50.0)
    s, centres = move.distribution(box, map_of(near, far), WORD)
    inside = ((centres - 0.25).abs() <= 0.25 + 1e-6).all(-1)
    assert inside.sum() == 64
    assert (s[0, 0, ~inside] == 0).all() and s.sum() == pytest.approx(1)
    torch.testing.assert_close(move(box, map_of(near, far), WORD), move(box, map_of(near), WORD))


def test_a_coarse_map_leaves_no_neighbourhood_empty():
    move = MomentMove(ratio=0.1)
    generator = torch.Generator().manual_seed(0)
    boxes = torch.cat([torch.rand(1, 50, 2, generator=generator), torch.full((1, 50, 2), 0.2)], -1)
    for height, width in ((1, 1), (2, 3), (7, 4)):
        s, _ = move.distribution(clip_boxes(boxes), torch.rand(1, 1, height, width, generator=generator), WORD)
        torch.testing.assert_close(s.sum(-1), torch.ones(1, 50))
    assert move(clip_boxes(boxes), torch.rand(1, 1, 2, 3), WORD).isfinite().all()


def test_a_region_follows_the_word_it_is_most_similar_to():
    """The region sits on word 0's object; word 1's object is larger and inside the window too."""
    activation = map_of((0, 4, 4, 8, 8), (1, 9, 3, 16, 15), words=2)
    box = torch.tensor([[[0.375, 0.375, 0.2, 0.2]]])
    moved = MomentMove(ratio=1.0, sharpness=1e3, word_sharpness=100.0)(box, activation, words_mask(True, True))
    torch.testing.assert_close(moved[0, 0], torch.tensor([0.375, 0.375, 0.25, 0.25]), atol=1e-4, rtol=0)
    # By a bare maximum over words both objects would pull alike; so they do with no preference for a word.
    pulled = MomentMove(ratio=1.0, sharpness=1e3, word_sharpness=1e-6)(box, activation, words_mask(True, True))
    assert pulled[0, 0, 0] > 0.6


def test_distribution_against_loops():
    torch.manual_seed(0)
    activation = torch.rand(1, 3, 4, 5) * 2 - 1
    box = torch.tensor([[[0.45, 0.6, 0.4, 0.3]]])
    move = MomentMove(ratio=0.7, sharpness=4.0, word_sharpness=3.0)
    words = words_mask(True, False, True)
    pooled = move.pooling(activation, box)[0, 0].tolist()
    word_weight = [math.exp(3 * pooled[0]), 0.0, math.exp(3 * pooled[2])]
    values = {}
    for row in range(4):
        for column in range(5):
            x, y = (column + 0.5) / 5, (row + 0.5) / 4
            if abs(x - 0.45) <= 0.35 and abs(y - 0.6) <= 0.35:
                cosine = sum(w * float(activation[0, t, row, column]) for t, w in enumerate(word_weight))
                values[row * 5 + column] = math.exp(4 * cosine / sum(word_weight))
    s, _ = move.distribution(box, activation, words)
    expected = torch.tensor([values.get(cell, 0.0) / sum(values.values()) for cell in range(20)])
    torch.testing.assert_close(s[0, 0], expected)


@pytest.mark.parametrize(
    'move',
    [
        MomentMove(ratio=0.5),
        MomentMove(ratio=0.5, k=5),
        ScalarMove(ratio=0.5),
        LiteralMove(ratio=0.5),
    ],
)
def test_padded_words_and_other_pairs_never_count(move):
    torch.manual_seed(0)
    activation = torch.rand(2, 3, 8, 8)
    boxes = clip_boxes(torch.rand(2, 4, 4))
    mask = torch.tensor([[True, True, True], [True, True, False]])
    expected = move(boxes, activation, mask)
    padded = torch.cat([activation, torch.full((2, 2, 8, 8), 1e3)], 1)
    padded[1, 2] = -1e3
    more = torch.cat([mask, torch.zeros(2, 2, dtype=torch.bool)], 1)
    torch.testing.assert_close(move(boxes, padded, more), expected)
    torch.testing.assert_close(move(boxes[1:], activation[1:, :2], mask[1:, :2])[0], expected[1])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('kind', [MomentMove, ScalarMove])
def test_half_precision_is_near(kind, dtype):
    torch.manual_seed(0)
    move = kind(ratio=0.5)
    activation, boxes = torch.rand(2, 3, 8, 8) * 2 - 1, clip_boxes(torch.rand(2, 4, 4))
    mask = torch.ones(2, 3, dtype=torch.bool)
    exact = move(boxes, activation, mask)
    boxes.requires_grad_()
    with torch.autocast('cpu', dtype):
        half = move(boxes, activation.to(dtype), mask)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, atol=0.03, rtol=0)
    half.sum().backward()
    assert boxes.grad.isfinite().all()


@pytest.mark.parametrize('options', [{}, dict(threshold=0.5), dict(threshold=0.5, k=5)])
def test_gradient_reaches_the_activation(options):
    torch.manual_seed(0)
    activation = torch.rand(1, 2, 8, 8, requires_grad=True)
    # Some of the cells are outside of the window.
    move = MomentMove(ratio=0.5, **options)
    moved = move(torch.tensor([[[0.5, 0.5, 0.3, 0.3]]]), activation, words_mask(True, True))
    moved.square().sum().backward()
    assert activation.grad.isfinite().all() and activation.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in move.parameters())
