import math

import pytest
import torch

from slan_mm.evaluation.functional.boxes import (
    best_iou,
    box_centers,
    center_box,
    found_boxes,
    hit_rank,
    mean_pairwise_iou,
    pairwise_iou,
    points_at,
    region_sides,
    score_phrase,
    union_box,
    whole_box,
)


def test_iou_by_hand():
    boxes = torch.tensor([[0.0, 0, 2, 2], [5, 5, 5, 5]])
    gold = torch.tensor([[1.0, 0, 3, 2], [0, 0, 2, 2], [5, 5, 5, 5]])
    # 2 / (4 + 4 - 2); the same box; apart; two empty boxes have no overlap rather than NaN.
    assert torch.allclose(pairwise_iou(boxes, gold)[0], torch.tensor([1 / 3, 1, 0], dtype=torch.float64))
    assert pairwise_iou(boxes, gold)[1].tolist() == [0, 0, 0]
    assert best_iou([0, 0, 2, 2], gold.numpy()) == float(pairwise_iou(torch.tensor([[0, 0, 2, 2]]), gold).max()) > 0


def test_each_box_finds_one_gold_box():
    gold = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 12], [20, 0, 30, 10]])
    boxes = torch.tensor([[0.0, 0, 10, 12], [0, 0, 10, 11], [0, 0, 10, 10], [20, 0, 40, 20]])
    # The first takes the second gold box, the next one the first; then none is free, and the last one fits badly.
    assert [found_boxes(boxes[:count], gold) for count in range(5)] == [0, 1, 2, 2, 2]


def test_any_box_and_merged_box_differ():
    # Two gold boxes side by side. The first guess is their union, the second is the left one.
    gold = torch.tensor([[0.0, 0, 10, 10], [30, 0, 40, 10]])
    assert union_box(gold).tolist() == [[0, 0, 40, 10]]
    boxes = torch.tensor([[0.0, 0, 40, 10], [0, 0, 10, 10]])
    score = score_phrase(boxes, gold)
    assert (score.any_rank, score.merged_rank) == (2, 1)
    assert score.iou == pytest.approx(0.25)
    # The centre of the union, (20, 5), is between the two boxes.
    assert not score.pointing


def test_threshold_is_inclusive():
    gold = torch.tensor([[0.0, 0, 10, 10]])
    assert hit_rank(torch.tensor([[0.0, 0, 10, 5]]), gold) == 1
    assert hit_rank(torch.tensor([[0.0, 0, 10, 4.9]]), gold) == math.inf


def test_pointing_takes_the_first_box_and_any_gold_box():
    gold = torch.tensor([[0.0, 0, 10, 10], [30, 0, 40, 10]])
    assert points_at(box_centers(torch.tensor([[29.0, 2, 33, 4], [100, 100, 101, 101]])), gold)
    assert not points_at(box_centers(torch.tensor([[100.0, 100, 101, 101], [29, 2, 33, 4]])), gold)
    assert points_at(box_centers(torch.tensor([[5.0, 5, 15, 15]])), gold)  # its centre is the corner (10, 10)
    assert not points_at(torch.zeros(0, 2), gold)


def test_no_prediction_is_a_miss_and_no_gold_is_an_error():
    gold = torch.tensor([[0.0, 0, 10, 10]])
    score = score_phrase(torch.zeros(0, 4), gold)
    assert (score.any_rank, score.merged_rank, score.pointing, score.iou) == (math.inf, math.inf, False, 0.0)
    with pytest.raises(ValueError, match='leave it out'):
        score_phrase(gold, torch.zeros(0, 4))


def test_baseline_boxes():
    assert whole_box(height=50, width=100).tolist() == [[0, 0, 100, 50]]
    assert center_box(height=50, width=100).tolist() == [[25, 12.5, 75, 37.5]]
    assert center_box(height=50, width=100, side=1.0).tolist() == whole_box(50, 100).tolist()


def test_region_statistics():
    boxes = torch.tensor([[0.0, 0, 0.4, 0.1], [0, 0, 0.4, 0.1], [0.5, 0.5, 1, 1]])
    assert region_sides(boxes).tolist() == pytest.approx([0.2, 0.2, 0.5])
    # The pairs: equal boxes 1, two that do not touch 0.
    assert mean_pairwise_iou(boxes) == pytest.approx(1 / 3)
    assert mean_pairwise_iou(boxes[:1]) is None
