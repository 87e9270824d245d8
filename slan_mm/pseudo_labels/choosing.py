"""Which thresholds make labels as precise as is asked, by true boxes of some pictures.

Labels are judged as the report judges them: those that would be written, after duplicates and the cap of a class.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from slan_mm.pseudo_labels.filters import ScoreRanks, Thresholds, judge, least_kept, same_place
from slan_mm.pseudo_labels.gold import Gold, chooses, fitting, take_first

#: Fewer labels than this tell nothing of a precision.
FEWEST = 20
_AGREEMENTS = (0.0, *np.arange(0.5, 0.96, 0.05).round(2).tolist())
_QUANTILES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
_MATCHES = (0.0, 0.5, 0.9, 0.99)
_CAPTIONS = (1, 2, 3, 4, 5)
# It decides most: by fine steps.
_CONFIDENCES = (0.0, *np.arange(0.5, 0.96, 0.01).round(2).tolist())


@dataclass
class Candidates:
    """Things that are labels under some thresholds, the surest of a picture first; (N,) each.

    - ``agreement``: that of flip and scale.
    - ``same``: of each thing the surer ones of its category at its place; without any of them it is no duplicate.
    - ``true``: of each thing the true boxes that it fits, the best one first, by numbers of their own.
    - ``told``: whether the gold set tells of the picture and the category.
    - ``chooses``: whether the picture chooses thresholds.
    - ``named``: how many things of which the gold set tells are named, in the pictures that choose and in the others.
    """

    match: np.ndarray
    quantile: np.ndarray
    agreement: np.ndarray
    captions: np.ndarray
    confidence: np.ndarray
    told: np.ndarray
    chooses: np.ndarray
    same: list[list[int]]
    true: list[list[int]]
    categories: list[str]
    cap: int | None
    named: Counter[bool] = field(default_factory=Counter)

    def kept(
        self,
        agreement: float = 0.0,
        quantile: float = 0.0,
        match: float = 0.0,
        captions: int = 1,
        confidence: float = 0.0,
    ) -> np.ndarray:
        """(N,) bool: which pass these filters; duplicates do, too."""
        sure = (self.match >= match) & (self.confidence >= confidence) & (self.captions >= captions)
        return (self.agreement >= agreement) & (self.quantile >= quantile) & sure

    def labels(self, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of those ``kept`` are labels, by number, and whether each is right.

        A label is decided by surer things alone: labels of a higher confidence threshold are the surest of these.
        """
        numbers: list[int] = []
        chosen: set[int] = set()
        for number in np.flatnonzero(kept).tolist():
            if chosen.isdisjoint(self.same[number]):
                chosen.add(number)
                numbers.append(number)
        if self.cap is not None:
            sure: dict[str, list[float]] = defaultdict(list)
            for number in numbers:
                sure[self.categories[number]].append(self.confidence[number])
            least = least_kept(sure, self.cap)
            numbers = [one for one in numbers if self.confidence[one] >= least.get(self.categories[one], 0.0)]
        found: set[int] = set()
        right = [take_first(self.true[number], found) for number in numbers]
        return np.array(numbers, int), np.array(right, bool)


def find_candidates(records: Iterable[dict], ranks: ScoreRanks, thresholds: Thresholds, gold: Gold) -> Candidates:
    """The things that pass the filters that are not chosen.

    Those of pictures and categories of which the gold set tells; with a cap, which depends on all pictures, all.
    """
    loosest = replace(thresholds, match=0.0, quantile=0.0, flip=0.0, scale=0.0, captions=1, confidence=0.0)
    rows: list[tuple] = []
    same: list[list[int]] = []
    true: list[list[int]] = []
    names: list[str] = []
    named: Counter[bool] = Counter()
    boxes = 0
    for record in records:
        if 'error' in record:
            continue
        told = gold.boxes(record)
        if told is None and thresholds.cap is None:
            continue
        judge(record, ranks, loosest)
        own = chooses(record['file_name'])
        things = record['things']
        named[own] += sum(thing['category'] in (told or ()) for thing in things)
        passed = [place for place, thing in enumerate(things) if thing['failed'] in ([], ['duplicates'])]
        passed.sort(key=lambda place: (-things[place]['confidence'], place))
        first_box = {name: boxes + place for name, place in _starts(told or {}).items()}
        boxes += sum(map(len, (told or {}).values()))
        numbers: dict[int, int] = {}
        for place in passed:
            thing = things[place]
            known = thing['category'] in (told or ())
            if not known and thresholds.cap is None:
                continue
            places = same_place(things, place, thresholds.duplicates)
            same.append([numbers[other] for other in places if other in numbers])
            numbers[place] = len(rows)
            fits = fitting(thing['box'], told[thing['category']]) if told and known else []
            true.append([first_box[thing['category']] + one for one in fits])
            names.append(thing['category'])
            match = 1.0 if thing['match'] is None else thing['match']
            agreement = min(thing['flip'], thing['scale'])
            rows.append((match, thing['quantile'], agreement, thing['captions'], thing['confidence'], known, own))
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0)] * 7
    *values, told_of, choosing = columns
    return Candidates(
        *values, told_of.astype(bool), choosing.astype(bool), same, true, names, thresholds.cap, named=named
    )


def _starts(boxes: dict[str, list]) -> dict[str, int]:
    """The number of the first box of each category, counted through all."""
    starts, count = {}, 0
    for name, own in boxes.items():
        starts[name] = count
        count += len(own)
    return starts


@dataclass
class Choice:
    """Thresholds, and the precision of the labels that they were chosen by."""

    thresholds: Thresholds
    labels: int
    precision: float
    asked: float

    def to_dict(self) -> dict:
        """As json can write it."""
        return dict(precision_asked=self.asked, chosen_by_labels=self.labels, precision_there=self.precision)


def choose_thresholds(candidates: Candidates, thresholds: Thresholds, precision: float) -> Choice:
    """The thresholds of match, quantile, flip, scale, captions and confidence that keep most labels at a ``precision``,
    by half of the gold set.

    Where none is so precise, the most precise ones that keep ``FEWEST`` labels. Of equally good ones those that ask for
    least confidence.

    Raises:
        ValueError: The gold set tells of too few labels.
    """
    judged = candidates.chooses & candidates.told
    best: tuple | None = None
    for asked in product(_AGREEMENTS, _QUANTILES, _MATCHES, _CAPTIONS):
        numbers, right = candidates.labels(candidates.kept(*asked))
        own = judged[numbers]
        sure, right = candidates.confidence[numbers][own], right[own]
        order = np.argsort(-sure, kind='stable')
        sure, rights = -sure[order], np.cumsum(right[order])
        for least in _CONFIDENCES:
            count = int(np.searchsorted(sure, -least, side='right'))
            if count < FEWEST:
                break
            found = rights[count - 1] / count
            rank = (found >= precision, count if found >= precision else found, -least)
            if best is None or rank > best[0]:
                best = rank, (*asked, least), count, float(found)
    if best is None:
        raise ValueError(
            f'the gold set tells of fewer than {FEWEST} labels in the pictures that choose thresholds. Are its file '
            'names those of the pictures, and its categories those of --classes?'
        )
    _, (agreement, quantile, match, captions, confidence), count, found = best
    chosen = replace(
        thresholds,
        flip=agreement,
        scale=agreement,
        quantile=quantile,
        match=match,
        captions=captions,
        confidence=confidence,
    )
    return Choice(chosen, count, found, precision)


def precision_by(candidates: Candidates, name: str) -> list[tuple[float, float, float]]:
    """(threshold, coverage, precision) of labels on the half of the gold set that chooses nothing; ``name``: agreement,
    that of flip and scale, captions, or confidence."""
    other = ~candidates.chooses & candidates.told
    rows = []
    for least in _CAPTIONS if name == 'captions' else (0.0, 0.5, 0.6, 0.7, 0.8, 0.9):
        kept = candidates.kept(**{name: least})
        numbers, right = candidates.labels(kept)
        if (right := right[other[numbers]]).size:
            rows.append((least, float((kept & other).sum() / candidates.named[False]), float(right.mean())))
    return rows
