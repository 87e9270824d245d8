from .functional import gold_ranks, score_captions, score_phrase, summarise_ranks, vqa_accuracy
from .metrics import CaptionMetric, GroundingMetric, VQAMetric
from .retrieval_evaluator import RetrievalEvaluator

__all__ = [
    'CaptionMetric',
    'GroundingMetric',
    'RetrievalEvaluator',
    'VQAMetric',
    'gold_ranks',
    'score_captions',
    'score_phrase',
    'summarise_ranks',
    'vqa_accuracy',
]
