import pytest
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from support.toy import build_toy_slan, toy_batch, toy_config

from slan_mm.models.locator import ExactMeanPooling, RoIAlignPooling
from slan_mm.models.locator.pooling import hat_integrals, mean_weights

BORDER = [[0.05, 0.5, 0.1, 1.0], [0.95, 0.03, 0.1, 0.06], [0.5, 0.5, 1.0, 1.0], [0.99, 0.99, 0.02, 0.02]]
INSIDE = [[0.4, 0.6, 0.3, 0.5], [0.51, 0.5, 0.013, 0.4], [0.7, 0.3, 0.2, 0.2]]


def boxes_and_map(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    feature_map = torch.randn(2, 3, 5, 7, generator=generator, dtype=dtype)
    boxes = torch.tensor([BORDER + INSIDE, (BORDER + INSIDE)[::-1]], dtype=dtype)
    return feature_map, boxes


def test_by_hand_in_one_dimension():
    """Hats of 3 cells over [0.5, 1.5]: the middle one covers 2 * (1/2 - 1/8) = 3/4, its neighbours 1/8 each."""
    weights = hat_integrals(torch.tensor(0.5), torch.tensor(1.5), 3)
    torch.testing.assert_close(weights, torch.tensor([0.125, 0.75, 0.125]))
    # Half a cell beyond the first centre the first hat is flat: from -0.5 to 0.5 it covers 1/2 + 3/8.
    weights = hat_integrals(torch.tensor(-0.5), torch.tensor(0.5), 3)
    torch.testing.assert_close(weights, torch.tensor([0.875, 0.125, 0.0]))


def test_single_cell_map():
    weights = mean_weights(torch.tensor([[[0.3, 0.6, 0.2, 0.5]]]), 1, 1)
    torch.testing.assert_close(weights, torch.ones(1, 1, 1))


def test_rows_sum_to_one_and_constants_reproduce():
    feature_map, boxes = boxes_and_map()
    weights = mean_weights(boxes, 5, 7)
    assert weights.shape == (2, 7, 35)
    assert (weights >= -1e-6).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 7))
    constant = torch.full_like(feature_map, 2.5)
    torch.testing.assert_close(ExactMeanPooling()(constant, boxes), torch.full((2, 7, 3), 2.5))


def test_linear_maps_give_their_value_at_the_centre():
    """The mean of a plane over a box inside the outermost cell centres is its value in the middle of the box."""
    x = (torch.arange(8) + 0.5) / 8
    plane = (3 * x[None] + 2 * x[:, None])[None, None]
    boxes = torch.tensor([[[0.4, 0.6, 0.3, 0.5], [0.5, 0.5, 0.1, 0.7]]])
    expected = 3 * boxes[..., :1] + 2 * boxes[..., 1:2]
    torch.testing.assert_close(ExactMeanPooling()(plane, boxes), expected)


def test_equals_dense_sampling_of_the_bilinear_map():
    feature_map, boxes = boxes_and_map()
    pooled = ExactMeanPooling()(feature_map, boxes)
    steps = (torch.arange(400) + 0.5) / 400 - 0.5
    for p in range(2):
        for n in range(7):
            x, y, w, h = boxes[p, n]
            grid_x, grid_y = torch.meshgrid(x + w * steps, y + h * steps, indexing='xy')
            grid = torch.stack([grid_x, grid_y], -1)[None] * 2 - 1
            samples = torch.nn.functional.grid_sample(
                feature_map[p : p + 1], grid, padding_mode='border', align_corners=False
            )
            torch.testing.assert_close(pooled[p, n], samples.mean((0, 2, 3)), atol=2e-4, rtol=0)


def test_is_the_limit_of_roi_align():
    feature_map, boxes = boxes_and_map()
    exact = ExactMeanPooling()(feature_map, boxes)
    errors = [
        (RoIAlignPooling(output_size=2, sampling_ratio=ratio)(feature_map, boxes) - exact).abs().amax().item()
        for ratio in (1, 8, 64)
    ]
    assert errors[0] > 1e-2 > errors[1] > 4 * errors[2]
    assert errors[2] < 1e-3


def test_gradient_to_boxes_and_features():
    feature_map, boxes = boxes_and_map(torch.float64)
    inputs = feature_map[:1].requires_grad_(), boxes[:1].requires_grad_()
    assert torch.autograd.gradcheck(ExactMeanPooling(), inputs)


def test_half_precision_keeps_coordinates():
    feature_map, boxes = boxes_and_map()
    for pooling in (ExactMeanPooling(), RoIAlignPooling(3)):
        exact = pooling(feature_map, boxes)
        for dtype in (torch.float16, torch.bfloat16):
            half = pooling(feature_map.to(dtype), boxes)
            assert half.dtype == dtype
            torch.testing.assert_close(half.float(), exact, atol=5e-2, rtol=0)


def test_roi_align_is_the_mean_of_its_bins_without_gradient_to_boxes():
    feature_map, boxes = boxes_and_map()
    boxes.requires_grad_()
    feature_map.requires_grad_()
    pooled = RoIAlignPooling(output_size=1, sampling_ratio=1)(feature_map, boxes)
    assert pooled.shape == (2, 7, 3)
    # One bin, one sample: the map's value at the centre of the box.
    centre = boxes[1, 4:5, None, :2].detach() * 2 - 1
    value = torch.nn.functional.grid_sample(feature_map[1:], centre[None], padding_mode='border', align_corners=False)
    torch.testing.assert_close(pooled[1, 4], value.flatten())
    pooled.sum().backward()
    assert boxes.grad is None and feature_map.grad.abs().sum() > 0


@pytest.mark.parametrize('pooling', [ExactMeanPooling(), RoIAlignPooling(2)])
def test_each_pair_reads_its_own_map(pooling):
    feature_map, boxes = boxes_and_map()
    both = pooling(feature_map, boxes)
    torch.testing.assert_close(pooling(feature_map[1:], boxes[1:])[0], both[1])


MOVES = {
    'moments': dict(type='MomentMove', ratio=0.5, size_factors='free'),
    'moments of cut cells': dict(type='MomentMove', ratio=0.9, k=3),
    'scalar': dict(type='ScalarMove', ratio=0.9),
    'literal': dict(type='LiteralMove', ratio=0.9),
    'contrast': dict(type='ContrastMove', move=dict(type='MomentMove', ratio=0.5)),
}


@pytest.mark.parametrize('move', MOVES)
def test_nobody_pools_outside_of_the_image(move, monkeypatch):
    # There the two poolings differ: one goes on flat, the other gives zeros.
    adaptors = [dict(adaptor, move=MOVES[move]) for adaptor in toy_config()['locator']['adaptors']]
    model = build_toy_slan(locator__adaptors=adaptors)
    reach = []
    pool = ExactMeanPooling.forward

    def forward(self, feature_map, boxes, pairs=None):
        x1, y1, x2, y2 = bbox_cxcywh_to_xyxy(boxes.detach()).unbind(-1)
        reach.append(torch.stack([-x1, -y1, x2 - 1, y2 - 1]).max().item())
        return pool(self, feature_map, boxes, pairs)

    monkeypatch.setattr(ExactMeanPooling, 'forward', forward)
    with torch.no_grad():
        # Large boxes at the borders, which every move makes larger still.
        reference = model.image_branch.detector.reference
        reference.copy_(torch.randn(reference.shape, generator=torch.Generator().manual_seed(0)) * 6)
        for name, parameter in model.named_parameters():
            if 'factors' in name:
                parameter.fill_(2.0)
    batch = model.data_preprocessor(toy_batch([0, 1]), True)
    model(**batch, mode='loss')
    phrase = dict(spans=[[2, 5]], boxes=torch.zeros(0, 4))
    for sample in batch['data_samples']:
        sample.set_field([phrase], 'phrases')
    model.eval()(**batch, mode='predict')
    assert len(reach) > 10 and max(reach) <= 1e-6
    boxes = model.image_branch.detector(torch.zeros(1, 16, 4, 4))[0]
    assert (bbox_cxcywh_to_xyxy(boxes)[..., 2:] > 0.999).any(), 'boxes were cut'
