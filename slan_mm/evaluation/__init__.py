from slan_mm.evaluation.functional import (
    gold_ranks,
    nlvr2_scores,
    score_captions,
    score_phrase,
    summarise_ranks,
    vqa_accuracy,
)
from slan_mm.evaluation.metrics import CaptionMetric, CocoBoxMetric, GroundingMetric, NLVR2Metric, VQAMetric
from slan_mm.evaluation.retrieval_evaluator import RetrievalEvaluator

__all__ = [
    'CaptionMetric',
    'CocoBoxMetric',
    'GroundingMetric',
    'NLVR2Metric',
    'RetrievalEvaluator',
    'VQAMetric',
    'gold_ranks',
    'nlvr2_scores',
    'score_captions',
    'score_phrase',
    'summarise_ranks',
    'vqa_accuracy',
]
