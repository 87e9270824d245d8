"""The retrieval cascade: few candidates of a query get the dear scores. Evaluation and search both go through it.

ITC scores all candidates, the mixed score (ITC and region-word terms) the best ``m`` of them, ITM the best ``k`` of
these. Q queries; candidates are numbers, scores belong to them place by place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from slan_mm.structures import EXIT_LEVEL

#: Of lists of candidates (Q, n) and a number of the locator's levels, None for all, the ITM logits (Q, n) of each list.
ITMScorer = Callable[[Sequence[np.ndarray], 'int | None'], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Cascade:
    """How many candidates of a query each score looks at.

    - ``m``: the mixed score, the best by ITC; None: all, the full computation.
    - ``k``: ITM, the best by the mixed score.
    - ``full_k``: ITM after all levels of the locator, the best of the k by ITM after its first level; the others leave
      there. None: all k. A model with ``objective.early_itm`` has a head for the first level; without it ITM's head,
      which is trained after the last level, judges there, too, and less well.

    Raises:
        ValueError: a number is below 1, or a later score looks at more candidates than an earlier one.
    """

    k: int = 128
    m: int | None = None
    full_k: int | None = None

    def __post_init__(self) -> None:
        for name in ('m', 'k', 'full_k'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f'{name} must be at least 1, got {value}.')
        if self.m is not None and self.m < self.k:
            raise ValueError(f'm must be at least k, got m {self.m} and k {self.k}.')
        if self.full_k is not None and self.full_k > self.k:
            raise ValueError(f'full_k must be at most k, got full_k {self.full_k} and k {self.k}.')


@dataclass
class Stage:
    """Candidates (Q, n) that a score has looked at, and their scores (Q, n). They stand above all others."""

    candidates: np.ndarray
    scores: np.ndarray

    def best(self, count: int) -> np.ndarray:
        """The ``count`` best candidates (Q, count), best first; of equal scores the one that stands first here."""
        order = np.argsort(-self.scores, axis=1, kind='stable')[:, :count]
        return np.take_along_axis(self.candidates, order, axis=1)


def scores_at(scores: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Of (Q, G) scores of all candidates those (Q, n) of ``candidates``."""
    return np.take_along_axis(scores, candidates, axis=1)


def itm_stages(
    cascade: Cascade, shortlists: Sequence[Stage], itm: ITMScorer, itm_weight: float = 1.0
) -> list[list[Stage]]:
    """ITM on ``shortlists``, the best k by their mixed scores: the final score is mixed + ``itm_weight`` * ITM.

    All lists are scored together, so that a pair that is in two of them can be scored once.

    Returns:
        Of each list its stages: one, or with an early exit two, of which the later one stands first.
    """

    def scored(stages: Sequence[Stage], levels: int | None) -> list[Stage]:
        logits = itm([stage.candidates for stage in stages], levels)
        return [
            Stage(stage.candidates, stage.scores + itm_weight * own) for stage, own in zip(stages, logits, strict=True)
        ]

    full_k = cascade.full_k
    if full_k is None or all(stage.candidates.shape[1] <= full_k for stage in shortlists):
        return [[stage] for stage in scored(shortlists, None)]
    early = scored(shortlists, EXIT_LEVEL)
    kept = []
    for stage, first in zip(shortlists, early, strict=True):
        places = np.argsort(-first.scores, axis=1, kind='stable')[:, :full_k]
        kept.append(Stage(scores_at(stage.candidates, places), scores_at(stage.scores, places)))
    return [[first, last] for first, last in zip(early, scored(kept, None), strict=True)]


def in_order(candidates: np.ndarray, stages: Sequence[Stage]) -> np.ndarray:
    """``candidates`` (Q, n), best first after all ``stages``, each of candidates of the one before it."""
    order = candidates
    for stage in stages:
        first = stage.best(stage.candidates.shape[1])
        if first.shape[1] < order.shape[1]:
            left = ~(order[:, :, None] == first[:, None, :]).any(axis=2)
            first = np.concatenate([first, order[left].reshape(len(order), -1)], axis=1)
        order = first
    return order
