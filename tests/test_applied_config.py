"""What is taken from a config for pictures that no store knows."""

from mmengine.config import ConfigDict

from slan_mm.applied_config import without_cached_pictures


def test_stored_features_become_the_transforms_they_stand_for():
    read = [dict(type='LoadImage'), dict(type='ResizeImage', size=224)]
    stored = dict(type='LoadCachedFeatures', store='x', transforms=read)
    dataset = ConfigDict(type='D', pipeline=[stored, dict(type='PackPairs')])
    plain = without_cached_pictures(dataset)
    assert plain.pipeline == [*read, dict(type='PackPairs')] and plain.type == 'D'
    assert dataset.pipeline[0].type == 'LoadCachedFeatures', 'the config itself stays as it was'
    assert without_cached_pictures(plain) == plain
    assert without_cached_pictures(ConfigDict(type='ShapesPairs')) == dict(type='ShapesPairs')
