from .functional import gold_ranks, score_phrase, summarise_ranks
from .metrics import CocoBoxMetric, GroundingMetric
from .retrieval_evaluator import RetrievalEvaluator

__all__ = ['CocoBoxMetric', 'GroundingMetric', 'RetrievalEvaluator', 'gold_ranks', 'score_phrase', 'summarise_ranks']
