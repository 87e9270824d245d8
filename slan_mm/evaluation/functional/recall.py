"""Retrieval metrics from scores, in NumPy alone.

A query's rank is 1 + the number of wrong candidates that score as high as its best gold candidate or higher. So the
gold candidates of one query never push each other down, and a tie always counts against the model: a model that gives
all candidates the same score has rank G - (gold candidates) + 1, not 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def gold_ranks(scores: np.ndarray, gold: np.ndarray, tier: np.ndarray | None = None) -> np.ndarray:
    """Rank (from 1) of the best gold candidate of each query.

    Args:
        scores: (Q, G) score of each of G candidates for each of Q queries; higher is better.
        gold: (Q, G) bool; True where the candidate is right. A query may have several.
        tier: (Q, G) integers or bool, or None. Candidates of a higher tier stand above all of a lower one, whatever
            their scores; within a tier the scores decide. None: all stand together.

    Returns:
        (Q,) int64 ranks.

    Raises:
        ValueError: if the shapes differ, a query has no gold candidate, or a score is NaN (which would otherwise
            compare as "not higher" and count for the model).
    """
    scores, gold = np.asarray(scores), np.asarray(gold, dtype=bool)
    if scores.ndim != 2 or scores.shape != gold.shape:
        raise ValueError(f'scores and gold must be one (Q, G) shape, got {scores.shape} and {gold.shape}.')
    without = np.flatnonzero(~gold.any(axis=1))
    if len(without):
        raise ValueError(f'{len(without)} queries have no gold candidate, the first is query {without[0]}.')
    bad = np.argwhere(np.isnan(scores))
    if len(bad):
        raise ValueError(f'{len(bad)} scores are NaN, the first is query {bad[0][0]}, candidate {bad[0][1]}.')
    tier = np.zeros(gold.shape, dtype=np.int8) if tier is None else np.asarray(tier).astype(np.int8)
    if tier.shape != gold.shape:
        raise ValueError(f'tier must have the shape of scores {scores.shape}, got {tier.shape}.')

    # The best gold candidate is the best of those in the highest tier that has one.
    highest = np.where(gold, tier, -1).max(axis=1, keepdims=True)
    best = np.where(gold & (tier == highest), scores, -np.inf).max(axis=1, keepdims=True)
    ahead = (tier > highest) | ((tier == highest) & (scores >= best))
    return 1 + (ahead & ~gold).sum(axis=1)


def summarise_ranks(ranks: np.ndarray, prefix: str = '', topk: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    """R@k in percent, mean rank and median rank.

    Args:
        ranks: (Q,) ranks from 1.
        prefix: put before each name, e.g. 'i2t_'.
        topk: the k of R@k.

    Returns:
        ``{prefix}R{k}`` for each k, ``{prefix}meanR``, ``{prefix}medR``.

    Raises:
        ValueError: if there are no ranks.
    """
    ranks = np.asarray(ranks)
    if not len(ranks):
        raise ValueError('There is no query to summarise: the evaluation set is empty.')
    result = {f'{prefix}R{k}': 100.0 * float((ranks <= k).mean()) for k in topk}
    return {**result, f'{prefix}meanR': float(ranks.mean()), f'{prefix}medR': float(np.median(ranks))}
