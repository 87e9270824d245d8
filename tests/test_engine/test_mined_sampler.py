"""Groups of a pair and its mined negatives."""

import numpy as np
import pytest

from slan_mm.engine import MinedSampler


class Pairs:
    """Three images of two captions each."""

    def __len__(self):
        return 6

    def get_data_info(self, index):
        return {'image_id': 'abc'[index // 2]}


def test_each_pair_stands_beside_its_negatives(tmp_path):
    np.savez(tmp_path / 'mined.npz', images=np.array(list('cab')), neighbours=np.array([[1], [2], [0]]))
    order = MinedSampler(Pairs(), tmp_path / 'mined.npz', group=2, seed=0).permutation(3)
    assert len(order) == 6
    # c has a, a has b, b has c.
    assert all((first // 2, second // 2) in ((2, 0), (0, 1), (1, 2)) for first, second in order.reshape(3, 2))


def test_an_image_without_negatives_is_refused(tmp_path):
    np.savez(tmp_path / 'mined.npz', images=np.array(['a', 'b']), neighbours=np.array([[1], [0]]))
    with pytest.raises(ValueError, match="no neighbours of image 'c'"):
        MinedSampler(Pairs(), tmp_path / 'mined.npz')
