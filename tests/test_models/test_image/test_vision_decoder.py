import pytest
import torch
from torch.nn.functional import interpolate

from slan_mm.models.image import EncoderPyramid, SimplePyramid, VisionDecoder


def test_pyramid_is_upsampled_step_by_step_from_v():
    decoder = VisionDecoder(16, scales=(1, 2, 2))
    pyramid = decoder(torch.randn(2, 16, 4, 5), [])
    assert [tuple(level.shape) for level in pyramid] == [(2, 16, 4, 5), (2, 16, 8, 10), (2, 16, 16, 20)]


def test_each_level_is_its_upsampled_input_plus_convolutions():
    decoder = VisionDecoder(8, scales=(1, 2), num_convs=2)
    feature_map = torch.randn(1, 8, 4, 4)
    first, second = decoder(feature_map, [])
    torch.testing.assert_close(first, feature_map + decoder.levels[0](feature_map))
    finer = interpolate(first, scale_factor=2, mode='bilinear')
    torch.testing.assert_close(second, finer + decoder.levels[1](finer))
    assert len(decoder.levels[0]) == 2


def test_separable_convolutions_are_cheaper():
    count = [sum(p.numel() for p in VisionDecoder(32, separable=flag).parameters()) for flag in (False, True)]
    assert count[1] < count[0] / 3


def test_encoder_pyramid_takes_the_backbones_levels_coarse_to_fine():
    """Table 10: the backbone's own levels, each projected to D, in place of upsampling V."""
    decoder = EncoderPyramid(16, in_channels=(4, 6, 12))
    levels = [torch.randn(2, 4, 16, 16), torch.randn(2, 6, 8, 8), torch.randn(2, 12, 4, 4)]
    pyramid = decoder(torch.randn(2, 16, 4, 4), levels)
    assert [tuple(level.shape) for level in pyramid] == [(2, 16, 4, 4), (2, 16, 8, 8), (2, 16, 16, 16)]
    torch.testing.assert_close(pyramid[0], decoder.laterals[2](levels[2]))
    assert not hasattr(decoder, 'levels')
    # V itself is not read.
    assert torch.equal(decoder(torch.zeros(2, 16, 4, 4), levels)[1], pyramid[1])


def test_encoder_pyramid_says_what_does_not_fit():
    decoder = EncoderPyramid(16, in_channels=(4, 6))
    with pytest.raises(ValueError, match='2 backbone levels.*yields 1'):
        decoder(torch.randn(1, 16, 4, 4), [torch.randn(1, 4, 8, 8)])


@pytest.mark.parametrize('decoder', [VisionDecoder(16, scales=(1, 2)), EncoderPyramid(16, in_channels=(4, 6))])
def test_a_picture_never_changes_another(decoder):
    feature_map, levels = torch.randn(3, 16, 4, 4), [torch.randn(3, 4, 8, 8), torch.randn(3, 6, 4, 4)]
    together = decoder(feature_map, levels)
    alone = decoder(feature_map[1:2], [level[1:2] for level in levels])
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one[0], other[1], atol=1e-5, rtol=0)


def test_simple_pyramid_makes_each_level_of_v_alone():
    decoder = SimplePyramid(8)
    v = torch.randn(2, 8, 5, 6)
    pyramid = decoder(v, [])
    assert [tuple(level.shape) for level in pyramid] == [(2, 8, 3, 3), (2, 8, 5, 6), (2, 8, 10, 12)]
    assert decoder.num_levels == 3 and SimplePyramid(8, scales=(1, 2)).num_levels == 2
    halved, same, doubled = (level[0](v) for level in decoder.levels)
    torch.testing.assert_close(halved[..., 0, 0], v[..., :2, :2].amax((2, 3)))
    torch.testing.assert_close(halved[..., 2, 0], v[..., 4, :2].amax(2))
    assert same is v
    # Each cell of V becomes 2 x 2 cells of its own.
    up = decoder.levels[2][0]
    cell = torch.einsum('bc,cdij->bdij', v[..., 1, 2], up.weight) + up.bias[:, None, None]
    torch.testing.assert_close(doubled[..., 2:4, 4:6], cell)
    for scales in ((2, 1), (1, 3), ()):
        with pytest.raises(ValueError, match='some of 0.5, 1, 2, rising'):
            SimplePyramid(8, scales=scales)
