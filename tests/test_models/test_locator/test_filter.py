"""The region filter: steps (a) to (d) of section 3.2.2, and the rows of Table 6."""

import pytest
import torch

from slan_mm.models.locator import ImageSaliencyFilter, KeepAllRegions, RegionFilter
from slan_mm.models.locator.filter import distinct_regions, select_regions
from slan_mm.pair_index import PairIndex

SALIENCY = torch.tensor([[0.2, 0.8, 0.1, 0.4, 0.24]])  # over the maximum: .25, 1, .125, .5, .3


def logits(saliency):
    return torch.logit(torch.as_tensor(saliency))


def run(region_filter, values, boxes=None):
    boxes = torch.rand(*values.shape, 4) if boxes is None else boxes
    return region_filter(values, boxes, PairIndex.rows(values))


def kept(region_filter, saliency=SALIENCY):
    index, weight, mask = run(region_filter, logits(saliency))
    return index[0, mask[0]].tolist(), weight[0, mask[0]].tolist()


def test_normalised_to_a_maximum_of_one_and_sorted():
    index, score, mask = select_regions(SALIENCY, None, None)
    assert index.tolist() == [[1, 3, 4, 0, 2]]
    torch.testing.assert_close(score, torch.tensor([[1.0, 0.5, 0.3, 0.25, 0.125]]))
    assert mask.all()


@pytest.mark.parametrize(
    ('top', 'threshold', 'expected', 'weights'),
    [
        (3, None, [1, 3, 4], [1.0, 0.5, 0.3]),  # second row: the top T
        (4, 0.28, [1, 3, 4], [1.0, 0.5, 0.3]),  # third row: T and a lower threshold
        (4, 0.5, [1], [1.0]),  # fourth row: T and h = .5; exactly .5 is not above it
        (2, 0.1, [1, 3], [1.0, 0.5]),  # T bites before h
        (20, 0.1, [1, 3, 4, 0, 2], [1.0, 0.5, 0.3, 0.25, 0.125]),  # T beyond the number of regions
    ],
)
@pytest.mark.parametrize('kind', [RegionFilter, ImageSaliencyFilter])
def test_rows_of_table_6(kind, top, threshold, expected, weights):
    indices, scores = kept(kind(top=top, threshold=threshold))
    assert indices == expected
    assert scores == pytest.approx(weights)


def test_no_filter_is_the_first_row_of_table_6():
    assert kept(KeepAllRegions()) == ([1, 3, 4, 0, 2], [1.0] * 5)
    assert not list(KeepAllRegions().parameters()) and not list(ImageSaliencyFilter().parameters())


def test_padded_shape_is_the_same_for_every_pair():
    region_filter = RegionFilter(top=3, threshold=0.5)
    index, weight, mask = run(region_filter, logits([[0.9, 0.1, 0.1, 0.8], [0.1, 0.9, 0.1, 0.1]]))
    assert index.shape == weight.shape == mask.shape == (2, 3)
    assert mask.tolist() == [[True, True, False], [True, False, False]]


def test_at_least_one_region_is_kept():
    for row in ([-200.0] * 4, [-1e4, -1e4, -1e4, -1e4]):
        index, weight, mask = run(RegionFilter(top=3, threshold=0.9), torch.tensor([row]))
        assert mask.sum() >= 1 and mask[0, 0]
        assert weight.isfinite().all() and len(set(index[0].tolist())) == 3
        boxes = torch.rand(1, 4, 4)
        assert run(RegionFilter(top=3, threshold=0.9, max_overlap=0.5), torch.tensor([row]), boxes)[2][0, 0]
    one = RegionFilter(top=1, threshold=0.3)
    assert kept(one) == ([1], [1.0])


def test_ties_are_all_kept_up_to_t():
    saliency = torch.tensor([[0.6, 0.3, 0.6, 0.6]])
    indices, weights = kept(RegionFilter(top=None, threshold=0.5), saliency)
    assert sorted(indices) == [0, 2, 3] and weights == [1.0] * 3
    indices, weights = kept(RegionFilter(top=2, threshold=0.5), saliency)
    assert len(set(indices)) == 2 and set(indices) < {0, 2, 3} and weights == [1.0] * 2


def test_a_pair_never_changes_another():
    region_filter = RegionFilter(top=3, threshold=0.3)
    torch.manual_seed(0)
    values = torch.randn(4, 9)
    together = run(region_filter, values)
    for row in range(4):
        for one, other in zip(run(region_filter, values[row : row + 1]), together, strict=True):
            assert torch.equal(one[0], other[row])


def test_conditioned_saliency_reads_the_best_word():
    region_filter = RegionFilter()
    similarity = torch.tensor([[[0.1, 0.9, 0.3], [0.5, -0.2, 0.4]]])
    values = region_filter.saliency_logits(similarity, torch.tensor([[True, False, True]]))
    torch.testing.assert_close(values, torch.tensor([[8 * 0.3 - 4, 8 * 0.5 - 4]]))
    with torch.no_grad():
        region_filter.scale.fill_(2.0)
        region_filter.bias.fill_(1.0)
    values = region_filter.saliency_logits(similarity, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(values, torch.tensor([[2 * 0.9 + 1, 2 * 0.5 + 1]]))


def test_padded_words_never_count():
    similarity = torch.tensor([[[-1.4, -1.7, 3.0], [-1.5, 0.2, 3.0]]])  # centred cosines lie between -2 and 2
    mask = torch.tensor([[True, True, False]])
    values = RegionFilter().saliency_logits(similarity, mask)
    torch.testing.assert_close(values, torch.tensor([[8 * -1.4 - 4, 8 * 0.2 - 4]]))


def test_the_score_has_a_gradient():
    values = torch.randn(2, 6, requires_grad=True)
    _, weight, mask = run(RegionFilter(top=4, threshold=None), values)
    (weight * mask * torch.arange(4)).sum().backward()
    assert values.grad.abs().sum() > 0


def test_half_precision_logits():
    values = torch.tensor([[-30.0, -25.0, 5.0]], dtype=torch.float16)
    index, weight, mask = run(RegionFilter(top=3, threshold=0.3), values)
    assert weight.dtype == torch.float32 and weight.isfinite().all()
    assert index[0, mask[0]].tolist() == [2]


@pytest.mark.parametrize('threshold', [1.0, -0.1])
def test_a_threshold_that_could_keep_nothing_is_refused(threshold):
    with pytest.raises(ValueError, match='threshold must be in'):
        RegionFilter(threshold=threshold)


def test_overlapping_regions_are_left_out():
    # The second overlaps the first (IoU 9/11 = .82), the third the second alone (IoU 1/3), the fourth nothing.
    boxes = torch.tensor([[[0.3, 0.3, 0.2, 0.2], [0.32, 0.3, 0.2, 0.2], [0.42, 0.3, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2]]])
    saliency = torch.tensor([[0.9, 0.8, 0.5, 0.3]])
    assert distinct_regions(saliency, boxes, 4, 0.3, PairIndex.rows(boxes)).tolist() == [[True, False, True, True]]
    assert distinct_regions(saliency, boxes, 2, 0.3, PairIndex.rows(boxes)).tolist() == [[True, False, True, False]]
    assert distinct_regions(saliency, boxes, 4, 0.9, PairIndex.rows(boxes)).tolist() == [[True] * 4]
    region_filter = RegionFilter(top=3, threshold=0.1, max_overlap=0.3)
    index, weight, mask = run(region_filter, logits(saliency), boxes)
    assert index[0, mask[0]].tolist() == [0, 2, 3]
    torch.testing.assert_close(weight[0], torch.tensor([1.0, 5 / 9, 1 / 3]))


def test_fewer_distinct_regions_than_t_are_padded():
    boxes = torch.tensor([[[0.5, 0.5, 0.4, 0.4]]]).expand(2, 5, 4)
    index, weight, mask = run(RegionFilter(top=3, threshold=None, max_overlap=0.5), torch.randn(2, 5), boxes)
    assert mask.tolist() == [[True, False, False]] * 2
    assert weight.isfinite().all() and index.shape == (2, 3)
