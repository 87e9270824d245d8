from .boxes import (
    PhraseScore,
    center_box,
    hit_rank,
    mean_pairwise_iou,
    pairwise_iou,
    points_at,
    region_sides,
    score_phrase,
    union_box,
    whole_box,
)
from .nlvr2 import nlvr2_scores, sentence_key
from .recall import gold_ranks, summarise_ranks

__all__ = [
    'PhraseScore',
    'center_box',
    'gold_ranks',
    'hit_rank',
    'mean_pairwise_iou',
    'nlvr2_scores',
    'pairwise_iou',
    'points_at',
    'region_sides',
    'score_phrase',
    'sentence_key',
    'summarise_ranks',
    'union_box',
    'whole_box',
]
