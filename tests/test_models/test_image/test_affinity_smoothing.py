"""Maps smoothed along what looks alike."""

import pytest
import torch
from support.toy import build_toy_slan

from slan_mm.models.image import AffinitySmoothing
from slan_mm.models.locator.word_maps import activation_map
from slan_mm.pair_index import PairIndex


def two_things():
    """A picture of 2 x 4 cells: the left half looks like (1, 0), the right half like (0, 2)."""
    levels = torch.zeros(1, 2, 2, 4)
    levels[:, 0, :, :2], levels[:, 1, :, 2:] = 1.0, 2.0
    return levels


def test_a_word_on_a_part_finds_the_whole_thing():
    """By hand: each half's cells see the half alone, and become its mean."""
    part = torch.zeros(1, 1, 2, 4)
    part[..., 0, 0] = 4.0
    (whole,) = AffinitySmoothing()([part], two_things())
    expected = torch.tensor([[1.0, 1.0, 0.0, 0.0]] * 2)
    torch.testing.assert_close(whole[0, 0], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize('power', [1.0, 2.0])
def test_weights_are_powers_of_the_cosine(power):
    """By hand: of f = (1, 0), (1, 1), (-1, 0) the cosines of the first are 1, sqrt(1/2), and none."""
    levels = torch.tensor([[[[1.0, 1.0, -1.0]], [[0.0, 1.0, 0.0]]]])
    weight = AffinitySmoothing(power=power).affinity(levels, (1, 3), (1, 3))[0]
    near = 0.5 ** (power / 2)
    torch.testing.assert_close(weight[0], torch.tensor([1.0, near, 0.0]) / (1 + near), atol=1e-5, rtol=0)
    torch.testing.assert_close(weight.sum(-1), torch.ones(3))


def test_a_map_of_one_value_stays_whatever_the_picture():
    torch.manual_seed(0)
    levels = torch.randn(2, 5, 5, 7)
    levels[0, :, 0, 0] = 0.0
    for stride in (1, 2, 3):
        maps = [torch.full((2, 3, 5, 7), 0.3), torch.full((2, 3, 10, 14), 0.3)]
        for level, smooth in zip(maps, AffinitySmoothing(stride=stride)(maps, levels), strict=True):
            torch.testing.assert_close(smooth, level)


def test_places_are_cells_averaged():
    """With stride 2 the sums run over four places of 2 x 2 cells each."""
    torch.manual_seed(0)
    levels, level = torch.rand(1, 3, 4, 4), torch.randn(1, 2, 4, 4)
    places = torch.nn.functional.avg_pool2d(levels, 2)
    cells, places = (torch.nn.functional.normalize(f, dim=1).flatten(2)[0].T for f in (levels, places))
    weight = (cells @ places.T).clamp(min=0)
    weight = weight / weight.sum(-1, keepdim=True)
    expected = (weight @ torch.nn.functional.avg_pool2d(level, 2)[0].flatten(1).T).T.unflatten(1, (4, 4))
    (smooth,) = AffinitySmoothing(stride=2)([level], levels)
    torch.testing.assert_close(smooth[0], expected, atol=1e-4, rtol=1e-4)


def test_other_pictures_have_no_part_and_levels_get_no_gradient():
    torch.manual_seed(0)
    levels, level = torch.randn(3, 4, 4, 6, requires_grad=True), torch.randn(3, 2, 8, 12, requires_grad=True)
    smoothing = AffinitySmoothing(stride=2)
    (smooth,) = smoothing([level], levels)
    torch.testing.assert_close(smoothing([level[1:2]], levels[1:2])[0][0], smooth[1])
    smooth.sum().backward()
    assert levels.grad is None and level.grad.abs().sum() > 0


@torch.no_grad()
def test_words_are_met_by_smoothed_maps():
    """Smoothing the space maps smooths every word's map: a dot product commutes with it."""
    torch.manual_seed(0)
    plain = build_toy_slan().eval()
    model = build_toy_slan(image__smoothing=dict(type='AffinitySmoothing')).eval()
    model.load_state_dict(plain.state_dict())
    pictures = torch.randn(2, 3, 32, 32)
    text = plain.encode_text(['a red circle', 'a blue square left of it'])
    before, after = plain.encode_image(pictures), model.encode_image(pictures)
    encoder = plain.image_branch.encoder
    levels = torch.cat(encoder.resize(encoder.extract(pictures)), dim=1)

    def activation(cells):
        return activation_map(text.word_space, {'lexical': cells}, PairIndex.rows(pictures), centred=False)

    for own, smoothed in zip(before.space_maps['lexical'], after.space_maps['lexical'], strict=True):
        expected = AffinitySmoothing()([activation(own)], levels)[0]
        torch.testing.assert_close(activation(smoothed), expected, atol=1e-5, rtol=1e-4)
    # What contrast reads stays.
    for term, regions in before.region_space.items():
        assert torch.equal(regions, after.region_space[term])
