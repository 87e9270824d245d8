"""Scores of what is there and of what is not, by hand."""

import numpy as np
import pytest

from slan_mm.evaluation.functional.presence import auroc, fit_logistic, threshold_at_recall


def test_auroc_counts_pairs_and_halves_ties():
    # Of 6 pairs: 2 > 1, 2 > 0, 2 = 2, 3 above all.
    assert auroc([2.0, 3.0], [2.0, 1.0, 0.0]) == pytest.approx(5.5 / 6)
    assert auroc([0.0], [1.0]) == 0 and auroc([1.0], [1.0]) == 0.5


def test_a_threshold_that_a_share_of_what_is_there_reaches():
    present = np.arange(10.0)
    assert threshold_at_recall(present, 0.9) == 1.0
    assert threshold_at_recall(present, 0.85) == 1.0 and threshold_at_recall(present, 1.0) == 0.0
    assert threshold_at_recall([5.0], 0.1) == 5.0


def test_the_regression_finds_the_odds_that_made_the_scores():
    drawn = np.random.default_rng(0)
    # Two normal distributions of one spread: the log odds are linear, scale (2 - 1) / .5^2, and 0 halfway.
    scale, offset = fit_logistic(drawn.normal(2, 0.5, 20000), drawn.normal(1, 0.5, 60000))
    assert scale == pytest.approx(4, rel=0.05) and -offset / scale == pytest.approx(1.5, abs=0.02)


def test_scores_that_can_be_separated_have_a_finite_scale():
    scale, offset = fit_logistic([3.0, 4.0], [1.0, 2.0])
    assert 0 < scale < 1000 and -offset / scale == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize('scores', [[], [float('nan'), 1.0], [float('inf')]])
def test_scores_that_are_none(scores):
    for call in (
        lambda: auroc(scores, [0.0]),
        lambda: auroc([1.0], scores),
        lambda: fit_logistic([1.0], scores),
        lambda: threshold_at_recall(scores),
    ):
        with pytest.raises(ValueError, match='each a finite number'):
            call()
