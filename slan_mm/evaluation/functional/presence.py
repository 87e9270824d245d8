"""Scores of things that are in an image, and of things that are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.stats import mannwhitneyu

#: A share of the things that are there, whose false positives are told.
RECALL = 0.9


def auroc(present: Sequence[float] | np.ndarray, absent: Sequence[float] | np.ndarray) -> float:
    """How probably one of the ``present`` scores is higher than one of the ``absent``; equal ones count half.

    Raises:
        ValueError: There are none, or one is not finite.
    """
    _check(present, absent)
    return float(mannwhitneyu(present, absent).statistic) / (len(present) * len(absent))


def threshold_at_recall(present: Sequence[float] | np.ndarray, recall: float = RECALL) -> float:
    """The highest threshold that at least a share ``recall`` of the ``present`` scores reaches.

    Raises:
        ValueError: There are none, or one is not finite.
    """
    _check(present)
    return float(np.sort(present)[::-1][int(np.ceil(recall * len(present))) - 1])


def fit_logistic(present: Sequence[float] | np.ndarray, absent: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """``scale`` and ``offset`` of the logistic regression of both (Platt), which count equally.

    A little weight decay keeps ``scale`` finite where the scores can be separated.

    Raises:
        ValueError: There are none of one kind, or one is not finite.
    """
    _check(present, absent)
    scores = np.concatenate([present, absent]).astype(float)
    mean, spread = scores.mean(), scores.std() or 1.0
    sign = np.concatenate([np.full(len(present), 1.0), np.full(len(absent), -1.0)])
    weight = np.concatenate([np.full(len(present), 0.5 / len(present)), np.full(len(absent), 0.5 / len(absent))])
    standard = (scores - mean) / spread

    def loss(values: np.ndarray) -> float:
        logits = sign * (values[0] * standard + values[1])
        return float(weight @ np.logaddexp(0, -logits) + 1e-4 * values[0] ** 2)

    scale, offset = minimize(loss, np.zeros(2), method='BFGS').x
    return float(scale / spread), float(offset - scale * mean / spread)


def _check(*scores: Sequence[float] | np.ndarray) -> None:
    for own in scores:
        if not len(own) or not np.isfinite(own).all():
            raise ValueError('scores of things that are there, and of others, are needed, each a finite number')
