import pytest
import torch

from slan_mm.datasets.shapes import ShapesVideos
from slan_mm.datasets.shapes.grammar import words


def test_items():
    dataset = ShapesVideos('val', num_videos=3, num_frames=4)
    item = dataset[0]
    sample = item['data_samples']
    (text,) = sample.text
    assert item['inputs'].shape == (4, 3, 64, 64) and set(text.split()) <= set(words())
    assert sample.sample_id == sample.image_id == 'video-val-0'
    inputs = item['inputs'].float()
    # Frames of a scene look alike but for background and noise, and differ from the other scene's.
    apart = torch.cdist(inputs.flatten(1), inputs.flatten(1))
    assert apart[0, 1] > 0 and apart[:2, 2:].min() > apart[0, 1] and apart[:2, 2:].min() > apart[2, 3]
    assert torch.equal(dataset[0]['inputs'], item['inputs'])


def test_frames_are_drawn_anew_in_each_epoch_of_training():
    dataset, again = (ShapesVideos('train', num_videos=3, num_frames=4) for _ in range(2))
    first, second = dataset[1], dataset[1 + 3]
    assert isinstance(first['data_samples'].text, str)
    assert first['data_samples'].text == second['data_samples'].text
    assert not torch.equal(first['inputs'], second['inputs'])
    assert torch.equal(again[(1, 1)]['inputs'], second['inputs'])


def test_bad_numbers():
    with pytest.raises(ValueError, match='at least 1, got 0'):
        ShapesVideos('val', num_frames=0)
