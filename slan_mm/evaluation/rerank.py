"""From the scores of all pairs and the ITM logits of a shortlist to ranks. NumPy alone; chunked over queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slan_mm.evaluation.functional.recall import gold_ranks, summarise_ranks

#: Scores compared at once: bounds the working memory, not the result.
SCORES_AT_ONCE = 2**24


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
    result = np.empty((len(scores), k), dtype=np.int64)
    for rows in _chunks(scores):
        result[rows] = np.argsort(-scores[rows], axis=1, kind='stable')[:, :k]
    return result


def rank(
    scores: np.ndarray,
    itc: np.ndarray,
    query_image: np.ndarray,
    candidate_image: np.ndarray,
    candidates: np.ndarray,
    itm: np.ndarray | None = None,
    itm_weight: float = 1.0,
) -> Direction:
    """Ranks one direction.

    Args:
        scores: (Q, G) scores of all pairs, which the shortlist is drawn by.
        itc: (Q, G) ITC scores.
        query_image: (Q,) image of each query: itself, or the image its text describes.
        candidate_image: (G,) the same of each candidate. A candidate is gold where both are equal.
        candidates: (Q, k) shortlist of each query.
        itm: (Q, k) ITM logits of the shortlist, or None to leave ITM out.
        itm_weight: shortlisted candidates get the score ``scores + itm_weight * itm``. The others stay below them.

    Raises:
        ValueError: if a score is NaN or a query has no gold candidate.
    """
    first, alone, final = np.empty((3, len(scores)), dtype=np.int64)
    result = Direction(candidates.copy(), alone, first, None if itm is None else final)
    for rows in _chunks(scores):
        own = scores[rows]
        gold = query_image[rows, None] == candidate_image[None]
        first[rows], alone[rows] = gold_ranks(own, gold), gold_ranks(itc[rows], gold)
        if itm is None:
            continue
        short = candidates[rows]
        whole = np.take_along_axis(own, short, axis=1) + itm_weight * itm[rows]
        own, ahead = own.copy(), np.zeros_like(gold)
        np.put_along_axis(own, short, whole, axis=1)
        np.put_along_axis(ahead, short, True, axis=1)
        final[rows] = gold_ranks(own, gold, ahead)
        result.shortlist[rows] = np.take_along_axis(short, np.argsort(-whole, axis=1, kind='stable'), axis=1)
    return result


def _chunks(scores: np.ndarray) -> list[slice]:
    step = max(SCORES_AT_ONCE // max(scores.shape[1], 1), 1)
    return [slice(start, start + step) for start in range(0, len(scores), step)]
