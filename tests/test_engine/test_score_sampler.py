"""Surer pictures come more often."""

import numpy as np
import pytest

from slan_mm.engine import ResumableSampler, ScoreSampler


class Weighted:
    def __init__(self, *weights):
        self.weights = weights

    def __len__(self):
        return len(self.weights)

    def get_data_info(self, index):
        return dict(weight=self.weights[index])


def test_a_picture_comes_as_often_as_its_weight_says():
    weights = np.array([0.1, 0.9, 0.5, 0.5])
    sampler = ScoreSampler(Weighted(*weights), seed=0)
    epochs = [sampler.permutation(epoch) for epoch in range(400)]
    assert all(len(epoch) == 4 for epoch in epochs)
    share = np.bincount(np.concatenate(epochs), minlength=4) / 1600
    np.testing.assert_allclose(share, weights / weights.sum(), atol=0.02)
    # Never less than the whole part of its share of an epoch.
    assert all(np.count_nonzero(epoch == 1) in (1, 2) for epoch in epochs)


def test_equal_weights_are_a_permutation():
    data = Weighted(0.5, 0.5, 0.5)
    assert [ScoreSampler(data, seed=3).item(n) for n in range(9)] == [
        ResumableSampler(data, seed=3).item(n) for n in range(9)
    ]


def test_a_picture_without_weight_is_refused():
    with pytest.raises(ValueError, match='weight 0.0 of a picture is not above 0'):
        ScoreSampler(Weighted(0.5, 0.0))
