from .functional import gold_ranks, score_phrase, summarise_ranks
from .metrics import GroundingMetric
from .retrieval_evaluator import RetrievalEvaluator

__all__ = ['GroundingMetric', 'RetrievalEvaluator', 'gold_ranks', 'score_phrase', 'summarise_ranks']
