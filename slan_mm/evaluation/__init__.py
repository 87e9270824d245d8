from .functional import gold_ranks, nlvr2_scores, score_phrase, summarise_ranks
from .metrics import GroundingMetric, NLVR2Metric
from .retrieval_evaluator import RetrievalEvaluator

__all__ = [
    'GroundingMetric',
    'NLVR2Metric',
    'RetrievalEvaluator',
    'gold_ranks',
    'nlvr2_scores',
    'score_phrase',
    'summarise_ranks',
]
