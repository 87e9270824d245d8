"""Which weights the terms of the final score get: a plain search on held-out pictures. NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from slan_mm.evaluation.cascade import Stage, scores_at
from slan_mm.evaluation.rerank import Direction, rank

#: The weights that are tried, the smallest first; 0 leaves a term out.
REGION_WORD = (0.0, 0.25, 0.5, 1.0, 2.0)
ITM = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0)
RECALLS = tuple(f'{direction}_R{k}' for direction in ('i2t', 't2i') for k in (1, 5, 10))

#: The recalls of a weight, by the names of ``RECALLS``.
Recalls = dict[str, float]


def recalls_of(i2t: Direction, t2i: Direction, part: str = '') -> Recalls:
    """The six recalls of both directions; ``part`` is '_itc' for ITC alone, '_shortlist' for the score without ITM."""
    metrics = i2t.metrics('', 'i2t') | t2i.metrics('', 't2i')
    return {name: metrics[f'{part}/{name}'] for name in RECALLS}


def mean_recall(recalls: Recalls) -> float:
    """Mean of the six recalls."""
    return float(np.mean([recalls[name] for name in RECALLS]))


def best_weight(curve: dict[float, Recalls], floor: Recalls) -> float:
    """The weight of the highest mean recall, of those that lower none of the six recalls below ``floor``.

    Of equals it is the smallest. Where there is none, 0.
    """
    kept = [weight for weight, recalls in curve.items() if all(recalls[name] >= floor[name] for name in RECALLS)]
    # Equal but for rounding is equal.
    return max(sorted(kept), key=lambda weight: round(mean_recall(curve[weight]), 9), default=0.0)


@dataclass
class ScoreSearch:
    """Chooses ``region_word`` with ITM left out, then ``itm`` at that weight, each of a few values.

    ITC alone is the floor: a weight that lowers any of R@1, R@5 and R@10, either way, below ITC's is not taken, and of
    the others the one of the highest mean of these six is. So the final score is never below ITC alone on the pictures
    that chose the weights. On other pictures it may be: figures on these are optimistic.

    Args:
        itc, words: (N, M) scores of N images and M texts, by ITC and by the region-word terms.
        text_image: (M,) the image of each text.

    Attributes:
        region_word, itm: the chosen weights.
        curves: of both, recalls by weight.
        floor, words_alone: recalls of ITC alone, and of the region-word terms alone.
    """

    itc: np.ndarray
    words: np.ndarray
    text_image: np.ndarray
    region_word: float = 0.0
    itm: float = 0.0
    curves: dict[str, dict[float, Recalls]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.images = np.arange(len(self.itc))
        self.floor = self._recalls(self.itc)
        self.words_alone = self._recalls(self.words)
        curve = {weight: self._recalls(self.scores(weight)) for weight in REGION_WORD}
        self.curves['region_word'] = curve
        self.region_word = best_weight(curve, self.floor)

    def scores(self, weight: float) -> np.ndarray:
        """ITC + ``weight`` x region-word terms; to the bit ITC where it is 0."""
        return self.itc + np.float32(weight) * self.words if weight else self.itc

    def choose_itm(
        self, to_text: np.ndarray, to_image: np.ndarray, shortlists: Sequence[np.ndarray], logits: Sequence[np.ndarray]
    ) -> None:
        """Chooses ITM's weight.

        Args:
            to_text, to_image: (N, M) and (M, N) scores without ITM.
            shortlists, logits: (N, k) and (M, k) candidates, and their ITM logits.
        """

        def recalls(weight: float) -> Recalls:
            stages = [
                [Stage(short, scores_at(scores, short) + weight * own)]
                for scores, short, own in zip((to_text, to_image), shortlists, logits, strict=True)
            ]
            i2t = rank(to_text, self.itc, self.images, self.text_image, shortlists[0], stages[0])
            t2i = rank(to_image, self.itc.T, self.text_image, self.images, shortlists[1], stages[1])
            return recalls_of(i2t, t2i)

        self.curves['itm'] = {weight: recalls(weight) for weight in ITM}
        self.itm = best_weight(self.curves['itm'], self.floor)

    def metrics(self, prefix: str) -> dict[str, float]:
        """``{prefix}_region_word/...``, the six recalls of these terms alone, and ``{prefix}_curve/region_word_0.25``,
        ..., mean recall at a weight."""
        result = {f'{prefix}_region_word/{name}': value for name, value in self.words_alone.items()}
        for term, curve in self.curves.items():
            result |= {f'{prefix}_curve/{term}_{weight:g}': mean_recall(recalls) for weight, recalls in curve.items()}
        return result

    def table(self) -> str:
        """Both curves in lines; what was chosen has a star."""
        head = ('weight', 'i2t R@1', 't2i R@1', 'mean of the six recalls')
        lines = [
            'Weights of the final score, ITC + region-word terms + ITM. * is chosen: the highest mean of R@1, R@5 and '
            'R@10, both ways, of the weights that lower none of these six below ITC alone.'
        ]
        for term, title in (('region_word', 'region-word terms, without ITM'), ('itm', 'ITM')):
            if term not in self.curves:
                continue
            lines += ['', f'  {title}', '  ' + '  '.join(head)]
            for weight, recalls in self.curves[term].items():
                cells = (f'{recalls["i2t_R1"]:.1f}', f'{recalls["t2i_R1"]:.1f}', f'{mean_recall(recalls):.2f}')
                star = ' *' if weight == getattr(self, term) else ''
                values = (f'{weight:g}', *cells)
                lines.append('  ' + '  '.join(value.rjust(len(name)) for value, name in zip(values, head, strict=True)))
                lines[-1] += star
        return '\n'.join(lines)

    def _recalls(self, scores: np.ndarray) -> Recalls:
        nothing = np.zeros((max(scores.shape), 0), dtype=np.int64)
        i2t = rank(scores, scores, self.images, self.text_image, nothing[: len(scores)])
        t2i = rank(scores.T, scores.T, self.text_image, self.images, nothing[: scores.shape[1]])
        return recalls_of(i2t, t2i, '_shortlist')
