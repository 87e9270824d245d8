from .functional import (
    gold_ranks,
    nlvr2_scores,
    score_captions,
    score_phrase,
    summarise_ranks,
    vqa_accuracy,
)
from .metrics import CaptionMetric, CaptionTruthMetric, CocoBoxMetric, GroundingMetric, NLVR2Metric, VQAMetric
from .retrieval_evaluator import RetrievalEvaluator

__all__ = [
    'CaptionMetric',
    'CaptionTruthMetric',
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
