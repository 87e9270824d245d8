"""Scores of single samples, higher is better: which ones a model answers well, and which badly."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmdet.evaluation import eval_map

from slan_mm.evaluation.functional.boxes import best_iou
from slan_mm.evaluation.functional.vqa import vqa_accuracy


def phrase_ious(sample: Any) -> list[float | None]:
    """Of each phrase of a grounded sample the IoU of its answer, the best box of the last level, with gold.

    0 where it has no answer, None where nobody knows the gold box; as ``GroundingMetric`` counts ``mean_iou``.
    """
    ious: list[float | None] = []
    for phrase, levels in zip(sample.phrases, sample.pred_phrases, strict=True):
        gold, answer = torch.as_tensor(phrase['boxes']).reshape(-1, 4).cpu(), levels[-1]['boxes'].cpu()
        ious.append(None if not len(gold) else best_iou(answer[0], gold) if len(answer) else 0.0)
    return ious


def answer_accuracy(sample: Any) -> float | None:
    """VQA's official accuracy, in [0, 1]; None where no annotator has answered."""
    answers = sample.get('answers')
    return vqa_accuracy(sample.pred_answer, answers) if answers else None


def gold_probability(sample: Any) -> float:
    """The probability that the model gives the right label of a classified sample."""
    return float(sample.pred_score[int(sample.gt_label)])


def image_ap(sample: Any, iou_threshold: float = 0.5) -> float | None:
    """AP of a picture's boxes, the mean over the classes that it has; None where it has no gold box.

    Boxes are in pixels of the original image, as the test pipelines of detection leave them.
    """
    gold, found = sample.gt_instances, sample.pred_instances
    classes, labels = np.unique(gold.labels.cpu().numpy(), return_inverse=True)
    if not len(classes):
        return None
    scored = np.concatenate([found.bboxes.cpu().numpy(), found.scores.cpu().numpy()[:, None]], axis=1)
    by_class = [scored[found.labels.cpu().numpy() == label] for label in classes]
    bboxes = torch.as_tensor(getattr(gold.bboxes, 'tensor', gold.bboxes)).cpu().numpy()
    value, _ = eval_map([by_class], [dict(bboxes=bboxes, labels=labels)], iou_thr=iou_threshold, logger='silent')
    return float(value)
