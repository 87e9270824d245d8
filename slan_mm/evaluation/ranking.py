"""From a matrix of ITC scores and the ITM logits of a shortlist to ranks. NumPy alone; chunked over queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .functional.recall import gold_ranks, summarise_ranks

#: Scores compared at once: bounds the working memory, not the result.
SCORES_AT_ONCE = 2**24


@dataclass
class Direction:
    """Results of one direction: Q queries against G candidates.

    - ``shortlist``: (Q, k) candidate indices, best first: by the final score, or by ITC where ITM is left out.
    - ``itc_ranks``: (Q,) rank of the best gold candidate by ITC alone.
    - ``ranks``: (Q,) the same after re-ranking; None where ITM is left out.
    """

    shortlist: np.ndarray
    itc_ranks: np.ndarray
    ranks: np.ndarray | None = None

    def metrics(self, prefix: str, name: str) -> dict[str, float]:
        """``{prefix}_itc/{name}_R1`` and so on for ITC alone, and ``{prefix}/{name}_R1`` ... for the final ranks."""
        result = summarise_ranks(self.itc_ranks, f'{prefix}_itc/{name}_')
        if self.ranks is not None:
            result = {**summarise_ranks(self.ranks, f'{prefix}/{name}_'), **result}
        return result


def shortlist(scores: np.ndarray, k: int) -> np.ndarray:
    """Indices (Q, min(k, G)) of the highest of (Q, G) scores, best first; equal scores in the order of their index."""
    k = min(k, scores.shape[1])
    result = np.empty((len(scores), k), dtype=np.int64)
    for rows in _chunks(scores):
        result[rows] = np.argsort(-scores[rows], axis=1, kind='stable')[:, :k]
    return result


def rank(
    itc: np.ndarray,
    query_image: np.ndarray,
    candidate_image: np.ndarray,
    candidates: np.ndarray,
    itm: np.ndarray | None = None,
    itm_weight: float = 1.0,
) -> Direction:
    """Ranks one direction.

    Args:
        itc: (Q, G) ITC scores.
        query_image: (Q,) image of each query: itself, or the image its text describes.
        candidate_image: (G,) the same of each candidate. A candidate is gold where both are equal.
        candidates: (Q, k) shortlist of each query.
        itm: (Q, k) ITM logits of the shortlist, or None to leave ITM out.
        itm_weight: shortlisted candidates get the score ``itc + itm_weight * itm``. The others stay below them.

    Raises:
        ValueError: if a score is NaN or a query has no gold candidate.
    """
    result = Direction(candidates.copy(), np.empty(len(itc), dtype=np.int64))
    if itm is not None:
        result.ranks = np.empty(len(itc), dtype=np.int64)
    for rows in _chunks(itc):
        scores = itc[rows]
        gold = query_image[rows, None] == candidate_image[None]
        result.itc_ranks[rows] = gold_ranks(scores, gold)
        if itm is None or result.ranks is None:
            continue
        short = candidates[rows]
        final = np.take_along_axis(scores, short, axis=1) + itm_weight * itm[rows]
        scores, first = scores.copy(), np.zeros_like(gold)
        np.put_along_axis(scores, short, final, axis=1)
        np.put_along_axis(first, short, True, axis=1)
        result.ranks[rows] = gold_ranks(scores, gold, first)
        result.shortlist[rows] = np.take_along_axis(short, np.argsort(-final, axis=1, kind='stable'), axis=1)
    return result


def _chunks(scores: np.ndarray) -> list[slice]:
    step = max(SCORES_AT_ONCE // max(scores.shape[1], 1), 1)
    return [slice(start, start + step) for start in range(0, len(scores), step)]
