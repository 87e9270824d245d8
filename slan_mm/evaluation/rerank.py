"""From the scores of all pairs and the stages of the cascade to ranks. NumPy alone; chunked over queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slan_mm.evaluation.cascade import Stage, in_order, scores_at
from slan_mm.evaluation.functional.recall import gold_ranks, summarise_ranks

#: Scores compared at once: bounds the working memory, not the result.
SCORES_AT_ONCE = 2**22


@dataclass
class Direction:
    """Results of one direction: Q queries against G candidates.

    - ``shortlist``: (Q, k) candidate indices, best first: by the final score, or by the first where ITM is left out.
    - ``itc_ranks``: (Q,) rank of the best gold candidate by ITC alone.
    - ``shortlist_ranks``: (Q,) the same by the score that the shortlist is drawn by.
    - ``ranks``: (Q,) the same after re-ranking; None where ITM is left out.
    """

    shortlist: np.ndarray
    itc_ranks: np.ndarray
    shortlist_ranks: np.ndarray
    ranks: np.ndarray | None = None

    def metrics(self, prefix: str, name: str) -> dict[str, float]:
        """``{prefix}/{name}_R1`` ... of the final ranks, ``{prefix}_shortlist/...`` and ``{prefix}_itc/...``."""
        result = summarise_ranks(self.shortlist_ranks, f'{prefix}_shortlist/{name}_')
        result |= summarise_ranks(self.itc_ranks, f'{prefix}_itc/{name}_')
        if self.ranks is not None:
            result = {**summarise_ranks(self.ranks, f'{prefix}/{name}_'), **result}
        return result


def shortlist(scores: np.ndarray, k: int) -> np.ndarray:
    """Indices (Q, min(k, G)) of the highest of (Q, G) scores, best first; equal scores in the order of their index."""
    k = min(k, scores.shape[1])
    result = np.empty((len(scores), k), dtype=np.int32)
    for rows in _chunks(scores):
        result[rows] = np.argsort(-scores[rows], axis=1, kind='stable')[:, :k]
    return result


def asked_pairs(scores: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of (N, M) scores the m best of each row (N, m) and of each column (M, m), and (N, M), True at all of them."""
    of_rows, of_columns = shortlist(scores, m), shortlist(scores.T, m)
    asked = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(asked, of_rows, True, axis=1)
    np.put_along_axis(asked.T, of_columns, True, axis=1)
    return of_rows, of_columns, asked


def best_of(scores: np.ndarray, candidates: np.ndarray | None, count: int) -> Stage:
    """The ``count`` candidates of the highest of (Q, G) scores, best first, among (Q, m) candidates; None: all."""
    if candidates is not None:
        best = Stage(candidates, scores_at(scores, candidates)).best(count)
    else:
        best = shortlist(scores, count)
    return Stage(best, scores_at(scores, best))


def rank(
    scores: np.ndarray,
    itc: np.ndarray,
    query_image: np.ndarray,
    candidate_image: np.ndarray,
    candidates: np.ndarray,
    stages: Sequence[Stage] = (),
    first: np.ndarray | None = None,
) -> Direction:
    """Ranks one direction.

    Args:
        scores: (Q, G) scores, which the shortlist is drawn by.
        itc: (Q, G) ITC scores.
        query_image: (Q,) image of each query: itself, or the image its text describes.
        candidate_image: (G,) the same of each candidate. A candidate is gold where both are equal.
        candidates: (Q, k) shortlist of each query.
        stages: what the cascade made of the shortlist, see :func:`itm_stages`; none leaves ITM out.
        first: (Q, m) candidates that ``scores`` are asked of; the others stand below them, by ITC. None: all.

    Raises:
        ValueError: if a score is NaN or a query has no gold candidate.
    """
    by_itc, by_mixed, final = np.empty((3, len(scores)), dtype=np.int64)
    result = Direction(candidates.copy(), by_itc, by_mixed, final if stages else None)
    for rows in _chunks(scores):
        gold = query_image[rows, None] == candidate_image[None]
        own, tier = scores[rows], np.zeros(gold.shape, dtype=np.int8)
        by_itc[rows] = gold_ranks(itc[rows], gold)
        if first is not None:
            own = itc[rows].copy()
            np.put_along_axis(own, first[rows], scores_at(scores[rows], first[rows]), axis=1)
            np.put_along_axis(tier, first[rows], 1, axis=1)
        by_mixed[rows] = gold_ranks(own, gold, tier)
        if not stages:
            continue
        own, part = own.copy(), [Stage(stage.candidates[rows], stage.scores[rows]) for stage in stages]
        for number, stage in enumerate(part, start=2):
            np.put_along_axis(own, stage.candidates, stage.scores, axis=1)
            np.put_along_axis(tier, stage.candidates, number, axis=1)
        final[rows] = gold_ranks(own, gold, tier)
        result.shortlist[rows] = in_order(candidates[rows], part)
    return result


def _chunks(scores: np.ndarray) -> list[slice]:
    step = max(SCORES_AT_ONCE // max(scores.shape[1], 1), 1)
    return [slice(start, start + step) for start in range(0, len(scores), step)]
