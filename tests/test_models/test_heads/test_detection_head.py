import torch
from mmengine.structures import InstanceData
from support.detection import CLASSES, batch, build_toy_detector, stir
from support.toy import toy_losses

from slan_mm.models.heads.detection_head import DetectionHead
from slan_mm.models.heads.detection_loss import DetectionOutputs
from slan_mm.models.phrase_grounding import region_word_similarity


def head(**settings):
    return DetectionHead(embed_dims=16, num_levels=3, **settings)


def located(model):
    data = model.data_preprocessor(batch((0, 3)), False)
    image = model.encode_image(data['inputs'])
    text, maps = model.encode_prompts(model.prompt_parts(CLASSES))
    text = text[torch.zeros(2, dtype=torch.long)]
    found = model.locate(image, text)
    return found, region_word_similarity(model.image_branch, image, text, found.boxes[-1]), maps[0]


@torch.no_grad()
def test_a_fresh_head_is_the_zero_shot_detector():
    model = build_toy_detector().eval()
    found, similarity, tokens = located(model)
    outputs = model.head(found, similarity, tokens)
    torch.testing.assert_close(outputs.logits, model.head.scale * similarity + model.head.bias)
    assert [len(outputs.boxes), len(found.boxes)] == [4, 3]
    torch.testing.assert_close(outputs.boxes[-1], found.boxes[-1])
    assert abs(model.head.bias.sigmoid() - 0.01) < 1e-6


@torch.no_grad()
def test_refined_boxes_are_boxes_also_at_the_border():
    model = stir(build_toy_detector()).eval()
    torch.nn.init.normal_(model.head.box_offset.layers[-1].weight, std=3.0)
    found, similarity, tokens = located(model)
    found.boxes[-1] = torch.tensor([0.5, 0.5, 1.0, 1.0]).expand_as(found.boxes[-1])
    refined = model.head(found, similarity, tokens).boxes[-1]
    assert (refined[..., 2:] > 0).all()
    assert not torch.allclose(refined, found.boxes[-1])


def test_every_trained_parameter_learns():
    model = stir(build_toy_detector()).train()
    sum(value for name, value in toy_losses(model, batch()).items() if 'loss' in name).backward()
    silent = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
    assert not silent
    stuck = [
        name
        for name, value in model.head.named_parameters()
        if value.grad.abs().sum() == 0 and name != 'word_projection.bias'
    ]
    assert not stuck


def test_a_fresh_head_can_leave_its_zero():
    model = build_toy_detector().train()
    sum(value for name, value in toy_losses(model, batch((0, 1))).items() if 'loss' in name).backward()
    for last in (model.head.word_projection, model.head.box_offset.layers[-1]):
        assert last.weight.grad.abs().sum() > 0


def outputs():
    """Three regions, the last one dropped, one token a class."""
    logits = torch.tensor([[[9.0, -2.0, 1.0], [9.0, 0.0, -1.0], [9.0, 5.0, 5.0]]])
    boxes = torch.tensor([[[0.2, 0.2, 0.2, 0.2], [0.6, 0.6, 0.4, 0.4], [0.5, 0.5, 1.0, 1.0]]])
    return DetectionOutputs(
        logits=logits,
        boxes=[boxes],
        region_mask=torch.tensor([[True, True, False]]),
        tokens=torch.tensor([[False, True, False], [False, False, True]]),
    )


def test_best_are_pairs_of_kept_regions_and_classes():
    best = head(max_per_img=3).best(outputs(), 0, classes=(7, 4))
    assert best.labels.tolist() == [4, 7, 4]
    torch.testing.assert_close(best.scores, torch.tensor([1.0, 0.0, -1.0]).sigmoid())
    torch.testing.assert_close(best.bboxes[0], torch.tensor([0.1, 0.1, 0.3, 0.3]))


def found(scores, labels, boxes=None):
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5]]).repeat(len(scores), 1) if boxes is None else boxes
    return InstanceData(bboxes=boxes, scores=torch.tensor(scores), labels=torch.tensor(labels))


def test_prompts_are_merged_by_score():
    merged = head(max_per_img=3).merge([found([0.9, 0.2], [0, 1]), found([0.8, 0.5], [5, 6])])
    assert merged.labels.tolist() == [0, 5, 6]
    merged = head(score_thr=0.5).merge([found([0.9, 0.2], [0, 1]), found([0.8, 0.5], [5, 6])])
    assert merged.labels.tolist() == [0, 5, 6]
    assert len(head(score_thr=0.99).merge([found([0.9], [0])])) == 0


def test_nms_thins_each_class_on_its_own():
    parts = [found([0.9, 0.7], [0, 0]), found([0.8], [5])]
    merged = head(nms=dict(iou_threshold=0.5)).merge(parts)
    assert merged.labels.tolist() == [0, 5]
    assert len(head().merge(parts)) == 3
