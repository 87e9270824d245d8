"""Maps are resampled to where their cells look."""

import pytest
import torch
from mmdet.models.backbones import ResNet
from torch.nn.functional import interpolate

from slan_mm.models.image.alignment import align, interpolation_matrix


@pytest.mark.parametrize('size', [(8, 12), (16, 24), (4, 6)])
def test_middle_is_bilinear_interpolation(size):
    level = torch.randn(2, 3, 8, 12)
    expected = interpolate(level, size, mode='bilinear', align_corners=False)
    torch.testing.assert_close(align(level, size), expected, atol=1e-5, rtol=1e-5)


def test_rows_sum_to_one():
    for size, new_size, centre in ((4, 16, 1 / 32), (7, 14, 0.98), (5, 5, 0.0), (1, 3, 0.5)):
        torch.testing.assert_close(interpolation_matrix(size, new_size, centre).sum(1), torch.ones(new_size))


def test_ramp_by_hand():
    # Samples 0, 1, 2, 3 at 0, .25, .5, .75 of the picture (centre 0): the middles .125, .375, .625, .875 lie half-way
    # between them, the last beyond all.
    ramp = torch.arange(4.0).view(1, 1, 1, 4)
    assert align(ramp, (1, 4), 0.0).flatten().tolist() == [0.5, 1.5, 2.5, 3.0]


@pytest.mark.parametrize('level', [0, 1])
def test_resnet_cells_look_where_the_formula_says(level):
    """The centre of the input's influence on a middle cell, measured with positive weights."""
    torch.manual_seed(0)
    net = ResNet(18, base_channels=4, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1))
    net.eval()
    for parameter in net.parameters():
        parameter.data.abs_()
    picture = torch.rand(1, 3, 256, 256, requires_grad=True)
    features, stride, cell = net(picture)[level], 4 * 2**level, 12
    features[0, :, cell, cell].sum().backward()
    influence = picture.grad.abs().sum((0, 1, 2))
    # Pixel j's middle is at j + .5.
    seen = (influence * (torch.arange(256) + 0.5)).sum() / influence.sum()
    assert seen.item() == pytest.approx(
        (cell + 0.5 / stride) * stride, abs=0.15 * stride
    )  # pooling takes one of several pixels
