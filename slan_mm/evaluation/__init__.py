from .functional import gold_ranks, nlvr2_scores, score_phrase, summarise_ranks
from .metrics import CocoBoxMetric, GroundingMetric, NLVR2Metric
from .retrieval_evaluator import RetrievalEvaluator

__all__ = [
    'CocoBoxMetric',
    'GroundingMetric',
    'NLVR2Metric',
    'RetrievalEvaluator',
    'gold_ranks',
    'nlvr2_scores',
    'score_phrase',
    'summarise_ranks',
]
