"""Word weights of pre-training in heads that have no objective: the zero-shot grounder grounds as SLAN does."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from slan_mm.engine import load_from_file
from slan_mm.models.heads import WordWeights
from slan_mm.models.heads.detection_loss import DetectionOutputs
from slan_mm.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / 'checkpoints/slan_tiny_shapes_long.safetensors'


def shipped(config):
    cfg = Config.fromfile(ROOT / config)
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(load_from_file(str(SHIPPED))['state_dict'], strict=False)
    return model


@pytest.fixture(scope='module')
def slan():
    return shipped('configs/pretrain/slan_tiny_shapes_long.py')


def test_the_zero_shot_grounder_ranks_boxes_as_slan_does(slan):
    grounder = shipped('configs/grounding/slan_tiny_shapes_grounding.py')
    dataset = DATASETS.build(dict(type='ShapesPairs', split='val', task='grounding', num_images=4))
    answers = [
        [phrase[-1] for sample in model.test_step(pseudo_collate(list(dataset))) for phrase in sample.pred_phrases]
        for model in (slan, grounder)
    ]
    assert len(answers[0]) == len(answers[1]) > 8
    for ours, theirs in zip(*answers, strict=True):
        torch.testing.assert_close(theirs['boxes'], ours['boxes'])


def test_a_detector_takes_the_same_weights(slan):
    detector = shipped('configs/detection/slan_tiny_shapes_detection.py')
    text = slan.encode_text(['a red circle and a blue square'])
    weight = detector.word_weights(detector.encode_text(['a red circle and a blue square']))
    torch.testing.assert_close(weight, slan.objective.word_weight(text))
    assert weight.max() > 1.2 * weight.min()
    assert not any(parameter.requires_grad for parameter in detector.word_weights.parameters())


def test_without_pre_training_all_words_weigh_the_same(slan):
    fresh = WordWeights(slan.space_dims, ['contextual'], 0.15)
    assert (fresh(slan.encode_text(['red circle'])) == 1).all()


def test_a_class_is_the_weighted_mean_of_its_words():
    logits, tokens = torch.tensor([[[1.0, 4.0, 6.0]]]), torch.tensor([[True, True, False], [False, False, True]])
    boxes, mask = [torch.zeros(1, 1, 4)], torch.ones(1, 1, dtype=torch.bool)
    outputs = DetectionOutputs(logits, boxes, mask, tokens, weight=torch.tensor([1.0, 2.0, 5.0]))
    assert outputs.class_logits()[0, 0].tolist() == [3.0, 6.0]
    assert DetectionOutputs(logits, boxes, mask, tokens).class_logits()[0, 0].tolist() == [2.5, 6.0]
