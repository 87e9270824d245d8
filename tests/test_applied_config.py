"""What is taken from a config for pictures that no store knows."""

import pytest
from mmengine.config import Config, ConfigDict

from slan_mm.applied_config import picture_size, without_cached_pictures


def test_stored_features_become_the_transforms_they_stand_for():
    read = [dict(type='LoadImage'), dict(type='ResizeImage', size=224)]
    stored = dict(type='LoadCachedFeatures', store='x', transforms=read)
    dataset = ConfigDict(type='D', pipeline=[stored, dict(type='PackPairs')])
    plain = without_cached_pictures(dataset)
    assert plain.pipeline == [*read, dict(type='PackPairs')] and plain.type == 'D'
    assert dataset.pipeline[0].type == 'LoadCachedFeatures', 'the config itself stays as it was'
    assert without_cached_pictures(plain) == plain
    assert without_cached_pictures(ConfigDict(type='ShapesPairs')) == dict(type='ShapesPairs')


@pytest.mark.parametrize('size', [0, -1, 'ab', [64], True])
def test_a_size_that_is_none(size):
    with pytest.raises(ValueError, match='the size of pictures must be a side in pixels'):
        picture_size(Config(dict(image_size=size)))
