import numpy as np
import pytest

from slan_mm.datasets.frame_sampling import random_frames, uniform_frames


@pytest.mark.parametrize(
    ('total', 'count', 'expected'),
    [(8, 4, [1, 3, 5, 7]), (9, 3, [1, 4, 7]), (10, 4, [1, 3, 6, 8]), (5, 5, [0, 1, 2, 3, 4]), (100, 1, [50]),
     (2, 4, [0, 0, 1, 1]), (1, 3, [0, 0, 0]), (3, 5, [0, 0, 1, 2, 2])],
)  # fmt: skip
def test_uniform_frames_are_the_middles_of_equal_parts(total, count, expected):
    assert uniform_frames(total, count).tolist() == expected


@pytest.mark.parametrize(('total', 'count'), [(30, 8), (8, 8), (3, 8), (1, 4)])
def test_random_frames(total, count):
    drawn = [random_frames(total, count, np.random.default_rng(seed)).tolist() for seed in range(20)]
    for frames in drawn:
        assert len(frames) == count and frames == sorted(frames) and frames[0] >= 0 and frames[-1] < total
        assert len(set(frames)) == min(total, count)
    assert drawn[3] == random_frames(total, count, np.random.default_rng(3)).tolist()
    if total > count:
        assert len({tuple(frames) for frames in drawn}) > 15


def test_bad_numbers():
    with pytest.raises(ValueError, match='of a video of 0'):
        uniform_frames(0, 4)
    with pytest.raises(ValueError, match='cannot take 0 frames'):
        random_frames(4, 0, np.random.default_rng(0))
