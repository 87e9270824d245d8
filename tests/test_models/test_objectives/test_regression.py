"""Eq. 3 on paper."""

import pytest
import torch

from slan_mm.models.objectives import (
    CentreRegressionLoss,
    LiteralRegressionLoss,
    ProgressiveRegressionLoss,
    SaliencyRegressionLoss,
)
from slan_mm.models.objectives.regression import regression_target

START = torch.tensor([[[0.5, 0.5, 0.4, 0.4], [0.3, 0.3, 0.2, 0.2]]])
LEVELS = [
    torch.tensor([[[0.6, 0.5, 0.4, 0.4], [0.3, 0.3, 0.4, 0.2]]]),
    torch.tensor([[[0.7, 0.5, 0.4, 0.4], [0.3, 0.3, 0.4, 0.2]]]),
]
BOTH = torch.ones(1, 2, dtype=torch.bool)
# Region 0 lies .15 beside its target: L1 .15; intersection .25 x .4, union .22, and so is the hull: GIoU = 10 / 22.
FIRST = 0.15 + 1 - 10 / 22
# Region 1 is half as wide as its target: L1 .2; IoU = GIoU = 1 / 2.
SECOND = 0.2 + 0.5


def loss_of(mask=BOTH, weight=None, start=START, levels=LEVELS, kind=ProgressiveRegressionLoss):
    return kind()([start, *levels], mask, torch.ones(1, 2) if weight is None else weight)


def test_target_is_the_mean_of_the_levels_detached():
    levels = [level.clone().requires_grad_() for level in LEVELS]
    target = regression_target(levels)
    torch.testing.assert_close(target[0, 0], torch.tensor([0.65, 0.5, 0.4, 0.4]))
    assert not target.requires_grad
    literal = LiteralRegressionLoss().target(levels)
    assert literal.requires_grad and torch.equal(literal, target)


def test_l1_and_giou_by_hand():
    assert loss_of().item() == pytest.approx((FIRST + SECOND) / 2, rel=1e-4)


def test_giou_of_boxes_apart():
    """Boxes of side .2, centres .4 apart: IoU 0, hull .6 x .2 of which a third is empty: GIoU = -1/3."""
    start, target = torch.tensor([[[0.3, 0.5, 0.2, 0.2]]]), torch.tensor([[[0.7, 0.5, 0.2, 0.2]]])
    loss = ProgressiveRegressionLoss()([start, target], BOTH[:, :1], torch.ones(1, 1))
    assert loss.item() == pytest.approx(0.4 + 1 + 1 / 3, rel=1e-4)


def test_padding_never_counts():
    assert loss_of(torch.tensor([[True, False]])).item() == pytest.approx(FIRST, rel=1e-4)
    assert loss_of(torch.tensor([[False, True]])).item() == pytest.approx(SECOND, rel=1e-4)
    start = START.clone().requires_grad_()
    loss_of(torch.tensor([[True, False]]), start=start).backward()
    assert start.grad[0, 0].abs().sum() > 0 and start.grad[0, 1].abs().sum() == 0


def test_gradient_goes_to_the_detector_only():
    start = START.clone().requires_grad_()
    levels = [level.clone().requires_grad_() for level in LEVELS]
    loss_of(start=start, levels=levels).backward()
    assert start.grad.abs().sum() > 0 and all(level.grad is None for level in levels)
    # A step against the gradient brings the box nearer to its target.
    step = START - 0.01 * start.grad
    assert loss_of(start=step) < loss_of()
    loss_of(start=start, levels=levels, kind=LiteralRegressionLoss).backward()
    assert all(level.grad.abs().sum() > 0 for level in levels)


def test_centres_alone():
    assert loss_of(kind=CentreRegressionLoss).item() == pytest.approx(0.15 / 2)


def test_saliency_weighs_regions():
    weight = torch.tensor([[1.0, 0.5]], requires_grad=True)
    loss = loss_of(weight=weight, kind=SaliencyRegressionLoss)
    assert loss.item() == pytest.approx((FIRST + 0.5 * SECOND) / 1.5, rel=1e-4)
    assert not loss.requires_grad
