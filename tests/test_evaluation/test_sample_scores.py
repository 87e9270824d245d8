"""Scores of single samples agree with what the metrics count."""

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample

from slan_mm.evaluation.metrics import GroundingMetric
from slan_mm.evaluation.sample_scores import answer_accuracy, gold_probability, image_ap, phrase_ious


def grounded(*pairs):
    """Of each phrase its gold boxes and its answers."""
    sample = DataSample(metainfo=dict(sample_id='s', ori_shape=(10, 10)))
    phrases = [dict(spans=[[0, 1]], boxes=torch.tensor(gold).reshape(-1, 4), phrase_id='0') for gold, _ in pairs]
    sample.set_field(phrases, 'phrases')
    answers = [torch.tensor(boxes).reshape(-1, 4) for _, boxes in pairs]
    levels = [[dict(boxes=boxes, scores=torch.arange(len(boxes), 0, -1.0))] for boxes in answers]
    sample.set_field(levels, 'pred_phrases')
    return sample


def test_ious_are_of_the_best_answer_with_any_gold_box():
    """By hand: half of the gold box; nothing; no gold box; no answer."""
    sample = grounded(
        ([[8.0, 8, 9, 9], [0, 0, 4, 4]], [[0.0, 0, 4, 2], [0, 0, 4, 4]]),
        ([[0.0, 0, 1, 1]], [[5.0, 5, 6, 6]]),
        ([], [[0.0, 0, 1, 1]]),
        ([[0.0, 0, 1, 1]], []),
    )
    assert phrase_ious(sample) == [0.5, 0.0, None, 0.0]
    metric = GroundingMetric()
    metric.process({}, [sample.to_dict()])
    assert metric.evaluate(1)['grounding/mean_iou'] == pytest.approx(0.5 / 3)


def test_answers_and_labels():
    sample = DataSample(metainfo=dict(answers=['two', '2', 'two', 'three']))
    sample.set_field('two', 'pred_answer')
    # 'two' becomes '2': three of four agree. Leaving one of them out leaves two.
    assert answer_accuracy(sample) == pytest.approx((3 * 2 / 3 + 1) / 4)
    sample.set_field('three', 'pred_answer')
    assert answer_accuracy(sample) == pytest.approx(3 * (1 / 3) / 4)
    sample.set_metainfo(dict(answers=[]))
    assert answer_accuracy(sample) is None
    label = DataSample().set_gt_label(1).set_pred_score(torch.tensor([0.25, 0.75]))
    assert gold_probability(label) == 0.75


def detected(gold, found):
    sample = DetDataSample()
    boxes, labels = zip(*gold, strict=True) if gold else ([], [])
    sample.gt_instances = InstanceData(bboxes=torch.tensor(boxes).reshape(-1, 4), labels=torch.tensor(labels))
    boxes, labels, scores = zip(*found, strict=True)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes), labels=torch.tensor(labels), scores=torch.tensor(scores)
    )
    return sample


def test_ap_of_a_picture_is_the_mean_over_its_classes():
    """Class 3: a wrong box before the right one, AP 1/2. Class 7: not found. Class 5 is not there, so it counts not."""
    one, two, far = [0.0, 0, 10, 10], [20.0, 20, 30, 30], [50.0, 50, 60, 60]
    found = [(far, 3, 0.9), (one, 3, 0.8), (two, 5, 0.99)]
    assert image_ap(detected([(one, 3), (two, 7)], found)) == pytest.approx(0.25)
    assert image_ap(detected([], found)) is None
