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
        return dict(weight=self.weights[index], img_path=f'{index}.jpg')


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
    with pytest.raises(ValueError, match=r'2 of 3 pictures have no weight above 0, the first is 1\.jpg: remove'):
        ScoreSampler(Weighted(0.5, 0.0, float('nan')))


def test_an_epoch_is_drawn_once():
    sampler = ScoreSampler(Weighted(0.1, 0.9, 0.5), seed=0)
    first = sampler.permutation(0)
    assert sampler.permutation(0) is first and sampler.permutation(1) is not first
    assert np.array_equal(sampler.permutation(0), first)
