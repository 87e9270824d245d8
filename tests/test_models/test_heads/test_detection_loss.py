import pytest
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch.nn.functional import binary_cross_entropy_with_logits

from slan_mm.models.heads.detection_loss import DetectionLoss, DetectionOutputs, DetectionTarget

# [CLS] detect : red circle , star [SEP]: two classes, of two tokens and one.
TOKENS = torch.tensor([[0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 0]]).bool()
BOXES = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.6, 0.3, 0.5], [0.5, 0.5, 0.9, 0.9]])


def outputs(boxes=BOXES, logits=None, pairs=1, mask=None):
    boxes = boxes.expand(pairs, -1, -1)
    if logits is None:
        logits = torch.full((pairs, boxes.shape[1], TOKENS.shape[1]), -3.0)
    if mask is None:
        mask = torch.ones(pairs, boxes.shape[1], dtype=torch.bool)
    return DetectionOutputs(logits=logits, boxes=[boxes, boxes], region_mask=mask, tokens=TOKENS)


def target(*boxes_and_labels):
    boxes, labels = zip(*boxes_and_labels, strict=True) if boxes_and_labels else ((), ())
    return DetectionTarget(torch.tensor(boxes).reshape(-1, 4), torch.tensor(labels, dtype=torch.long))


GOLD = target(([0.7, 0.6, 0.3, 0.5], 0), ([0.3, 0.3, 0.2, 0.2], 1))


def test_class_logits_are_means_over_the_class_tokens():
    logits = torch.arange(8.0).expand(1, 3, 8)
    assert outputs(logits=logits).class_logits()[0, 0].tolist() == [3.5, 6.0]


def test_assignment_is_one_to_one_by_place():
    region, box = DetectionLoss().assign(outputs(), 0, GOLD)
    assert dict(zip(region.tolist(), box.tolist(), strict=True)) == {1: 0, 0: 1}


def test_assignment_asks_the_words_where_places_are_alike():
    boxes = BOXES[:1].repeat(2, 1)
    logits = torch.full((1, 2, 8), -3.0)
    logits[0, 1, 3:5] = 3.0
    region, _ = DetectionLoss().assign(outputs(boxes, logits), 0, target((BOXES[0].tolist(), 0)))
    assert region.tolist() == [1]


def test_dropped_regions_are_never_assigned():
    mask = torch.tensor([[True, False, True]])
    region, _ = DetectionLoss().assign(outputs(mask=mask), 0, GOLD)
    assert sorted(region.tolist()) == [0, 2]


def test_losses_by_hand():
    criterion = DetectionLoss()
    made = outputs()
    moved = made.boxes[0].clone()
    moved[0, 0, 0] += 0.05
    made.boxes = [moved, made.boxes[1]]
    found = criterion.mean([criterion.sums(made, [GOLD])])
    assert set(found) == {
        *(f'loss_{kind}_{level}' for kind in ('bbox', 'iou') for level in ('level0', 'refined')),
        'loss_cls',
        'matched_iou',
    }
    # Two boxes are assigned: every sum is halved.
    assert found['loss_bbox_refined'].item() == pytest.approx(0, abs=1e-6)
    assert found['loss_bbox_level0'].item() == pytest.approx(5 * 0.05 / 2, rel=1e-4)
    assert found['loss_iou_refined'].item() == pytest.approx(0, abs=1e-5)
    giou = bbox_overlaps(*(bbox_cxcywh_to_xyxy(b) for b in (moved[0, :1], BOXES[:1])), mode='giou').item()
    assert found['loss_iou_level0'].item() == pytest.approx(2 * (1 - giou) / 2, rel=1e-4)
    assert found['matched_iou'].item() == pytest.approx(1, abs=1e-5)

    # Region 1 answers for class 0 (tokens 3, 4), region 0 for class 1 (token 6), region 2 for nothing.
    wanted = torch.zeros(3, 3)
    wanted[1, :2], wanted[0, 2] = 1, 1
    logits = torch.full((3, 3), -3.0)
    p = logits.sigmoid()
    weight = torch.where(wanted == 1, 0.25 * (1 - p) ** 2, 0.75 * p**2)
    focal = weight * binary_cross_entropy_with_logits(logits, wanted, reduction='none')
    assert found['loss_cls'].item() == pytest.approx(focal.sum().item() / 2, rel=1e-5)


def test_only_tokens_of_classes_of_kept_regions_count():
    criterion = DetectionLoss()
    mask = torch.tensor([[True, True, False]])
    plain = criterion.sums(outputs(mask=mask), [GOLD])
    logits = torch.full((1, 3, 8), -3.0)
    logits[..., [0, 1, 2, 5, 7]] = 4.0
    logits[:, 2] = 9.0
    other = criterion.sums(outputs(logits=logits, mask=mask), [GOLD])
    assert all(torch.equal(plain[name], other[name]) for name in plain)


def test_a_picture_without_objects_teaches_that_there_is_none():
    logits = torch.zeros(1, 3, 8, requires_grad=True)
    made = outputs(logits=logits)
    made.boxes = [boxes.clone().requires_grad_() for boxes in made.boxes]
    criterion = DetectionLoss()
    found = criterion.mean([criterion.sums(made, [target()])])
    assert found['loss_cls'] > 0
    assert all(value == 0 for name, value in found.items() if name != 'loss_cls')
    sum(found.values()).backward()
    assert (logits.grad[..., TOKENS.any(0)] > 0).all()
    # On several GPUs all parameters have to be reached, also by a batch without objects.
    assert all(boxes.grad is not None for boxes in made.boxes)


def test_losses_do_not_depend_on_how_pictures_are_grouped():
    criterion = DetectionLoss()
    logits = torch.randn(3, 3, 8, generator=torch.Generator().manual_seed(0))
    targets = [GOLD, target(), target((BOXES[2].tolist(), 0))]
    whole = criterion.mean([criterion.sums(outputs(logits=logits, pairs=3), targets)])
    parts = [criterion.sums(outputs(logits=logits[[i]]), [targets[i]]) for i in (2, 0, 1)]
    split = criterion.mean(parts)
    for name, value in whole.items():
        torch.testing.assert_close(value, split[name])
