import pytest
import torch
from support.toy import toy_batch, toy_picture, toy_sample

from slan_mm.models import PairDataPreprocessor


def test_stacks_and_normalises():
    preprocessor = PairDataPreprocessor(mean=(10, 20, 30), std=(2, 4, 8))
    data = preprocessor(toy_batch([0, 1]), training=True)
    assert data['inputs'].shape == (2, 3, 32, 32) and data['inputs'].dtype == torch.float32
    picture = toy_picture(1).float()
    for channel, (mean, std) in enumerate(((10, 2), (20, 4), (30, 8))):
        torch.testing.assert_close(data['inputs'][1, channel], (picture[channel] - mean) / std)
    assert [sample.sample_id for sample in data['data_samples']] == ['sample0', 'sample1']


def test_pictures_of_two_sizes_are_refused_by_name():
    batch = dict(
        inputs=[toy_picture(0), torch.zeros(3, 8, 8, dtype=torch.uint8)], data_samples=[toy_sample(0), toy_sample(7)]
    )
    with pytest.raises(ValueError, match=r'sample7 is \(3, 8, 8\).*resize'):
        PairDataPreprocessor()(batch)
