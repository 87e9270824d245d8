import pytest
import torch

from slan_mm.models.locator import PlainQueryDetector, RegionDetector
from slan_mm.models.locator.boxes import clip_boxes
from slan_mm.models.locator.detector import reference_grid

SMALL = dict(embed_dims=16, num_encoder_layers=1, num_decoder_layers=1, num_heads=2, feedforward_channels=32)


def make(kind=RegionDetector, **kwargs):
    torch.manual_seed(0)
    return kind(**{**SMALL, 'grid': (3, 2, 1), 'dropout': 0.0, **kwargs})


def test_reference_grid():
    grid = reference_grid((2, 1))
    expected = [[0.25, 0.25, 0.75, 0.75], [0.75, 0.25, 0.75, 0.75], [0.25, 0.75, 0.75, 0.75], [0.75, 0.75, 0.75, 0.75]]
    torch.testing.assert_close(grid, torch.tensor([*expected, [0.5, 0.5, 1.0, 1.0]]))
    assert len(reference_grid((7, 5, 4, 3, 1))) == 100


def test_queries_start_on_the_grid_whatever_the_picture():
    detector = make()
    boxes, saliency = detector(torch.randn(2, 16, 4, 5))
    assert boxes.shape == (2, 14, 4) and saliency.shape == (2, 14)
    expected = clip_boxes(reference_grid((3, 2, 1)))
    # The logit keeps a hundredth away from 0 and 1.
    torch.testing.assert_close(boxes, expected.expand(2, -1, -1), atol=1.1e-2, rtol=0)


def test_plain_queries_start_in_the_middle():
    """DETR's own initialisation: all boxes near (.5, .5, .5, .5), which nothing spreads without gold boxes."""
    boxes, _ = make(PlainQueryDetector)(torch.randn(2, 16, 4, 5))
    assert (boxes - 0.5).abs().max() < 0.15
    assert not hasattr(make(PlainQueryDetector), 'reference')


def test_boxes_are_sigmoid_of_delta_plus_logit():
    detector = make()
    with torch.no_grad():
        detector.box_head.layers[-1].bias.copy_(torch.tensor([0.0, 0.0, -3.0, -3.0]))
    boxes, _ = detector(torch.randn(1, 16, 4, 4))
    reference = detector.reference.detach()
    expected = torch.cat([reference[:, :2].sigmoid(), (reference[:, 2:] - 3).sigmoid()], -1)
    torch.testing.assert_close(boxes[0], clip_boxes(expected))


def test_boxes_that_are_not_learned_stay_on_the_grid():
    detector = make(learn_boxes=False)
    boxes, saliency = detector(torch.randn(2, 16, 4, 5))
    torch.testing.assert_close(boxes, clip_boxes(reference_grid((3, 2, 1))).expand(2, -1, -1), atol=1.1e-2, rtol=0)
    assert not boxes.requires_grad and saliency.requires_grad
    with pytest.raises(ValueError, match='need reference boxes'):
        make(PlainQueryDetector, learn_boxes=False)


def test_every_box_lies_in_the_image():
    detector = make()
    torch.nn.init.normal_(detector.box_head.layers[-1].weight, std=3)
    boxes, _ = detector(torch.randn(4, 16, 4, 4) * 3)
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    assert low.min() >= -1e-6 and high.max() <= 1 + 1e-6 and boxes[..., 2:].min() >= 0.0199


def test_a_picture_never_changes_another():
    detector = make()
    torch.nn.init.normal_(detector.box_head.layers[-1].weight)
    feature_map = torch.randn(3, 16, 4, 4)
    together = detector(feature_map)
    alone = detector(feature_map[1:2])
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one[0], other[1], atol=1e-5, rtol=0)
    assert (together[0][0] - together[0][1]).abs().max() > 1e-3


def test_gradient_reaches_reference_boxes_and_queries():
    detector = make()
    boxes, saliency = detector(torch.randn(2, 16, 4, 4))
    (boxes.square().sum() + saliency.sum()).backward()
    assert detector.reference.grad.abs().sum() > 0 and detector.saliency_head.weight.grad.abs().sum() > 0


def test_frozen_detector_learns_nothing_and_drops_nothing():
    detector = make(frozen=True, dropout=0.5).train()
    assert not detector.training and not any(p.requires_grad for p in detector.parameters())
    feature_map = torch.randn(1, 16, 4, 4)
    assert torch.equal(detector(feature_map)[1], detector(feature_map)[1])


def test_boxes_keep_full_precision_under_autocast():
    detector = make()
    with torch.autocast('cpu', torch.bfloat16):
        boxes, saliency = detector(torch.randn(1, 16, 4, 4))
    assert boxes.dtype == torch.float32 and saliency.isfinite().all()


@torch.no_grad()
def test_downsampling_averages_v_before_the_transformer():
    plain, coarse = make(), make(downsample=2)
    for detector in (plain, coarse):
        torch.manual_seed(1)
        torch.nn.init.normal_(detector.box_head.layers[-1].weight)
    feature_map = torch.randn(2, 16, 4, 5)
    # Of an odd number of columns the last one stands alone.
    columns = [feature_map[..., :2].mean(-1), feature_map[..., 2:4].mean(-1), feature_map[..., 4]]
    averaged = torch.stack(columns, -1).unflatten(2, (2, 2)).mean(3)
    for one, other in zip(coarse(feature_map), plain(averaged), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
