from .boxes import (
    PhraseScore,
    best_iou,
    box_centers,
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
from .captions import score_captions
from .nlvr2 import nlvr2_scores, sentence_key
from .recall import gold_ranks, summarise_ranks
from .vqa import vqa_accuracy

__all__ = [
    'PhraseScore',
    'best_iou',
    'box_centers',
    'center_box',
    'gold_ranks',
    'hit_rank',
    'mean_pairwise_iou',
    'nlvr2_scores',
    'pairwise_iou',
    'points_at',
    'region_sides',
    'score_captions',
    'score_phrase',
    'sentence_key',
    'summarise_ranks',
    'union_box',
    'vqa_accuracy',
    'whole_box',
]
