"""Which answers become labels: filters that each ask one thing, in a fixed order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import yaml

from slan_mm.arguments import check_argument, optional, real, whole
from slan_mm.plain_text import short
from slan_mm.pseudo_labels.views import iou
from slan_mm.text_files import read_yaml

#: The filters in their order, and what each asks.
FILTERS = {
    'read': 'the text encoder read the phrase',
    'match': 'caption and picture belong together, by the ITM head',
    'quantile': 'the score is high among those of its category: its quantile is no less than this',
    'flip': 'the mirrored picture gives the same box: its IoU is no less than this',
    'scale': 'the picture at another size gives the same box: its IoU is no less than this',
    'captions': 'so many captions of the picture give their things of its category a box at the same place',
    'confidence': 'the mean of match, quantile, flip and scale, as far as there are, is no less than this',
    'area': 'the box is neither tiny nor the whole picture: its share of the picture is within these',
    'aspect': 'the longer side of the box is at most this many times the shorter',
    'duplicates': 'no surer box of the same category overlaps it by a larger IoU than this',
    'cap': 'it is among the surest of its category, at most this many',
}


@dataclass(frozen=True)
class Thresholds:
    """What the filters ask for; those of ``flip`` and ``scale`` alone are on by default. See ``FILTERS``."""

    match: float = 0.0
    quantile: float = 0.0
    flip: float = 0.6
    scale: float = 0.6
    captions: int = 1
    confidence: float = 0.0
    min_area: float = 0.001
    max_area: float = 0.95
    aspect: float = 8.0
    duplicates: float = 0.5
    cap: int | None = None


#: What thresholds that are more than a number of at least 0 may be.
_CHECKS = {'captions': whole(1), 'cap': optional(whole(1)), 'aspect': real(1)}


def read_thresholds(file: Path) -> Thresholds:
    """Thresholds of a yaml file, as :func:`thresholds_yaml` writes it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has a name that is none, or a number that the filter cannot ask for.
    """
    content = read_yaml(file)
    known = [one.name for one in fields(Thresholds)]
    content = {} if content is None else content
    for name, value in content.items() if isinstance(content, dict) else [(None, content)]:
        if name not in known:
            raise ValueError(
                f'{file}: {name}: {short(value)} is no threshold; there are {", ".join(known)}, each a number'
            )
        try:
            check_argument(name, value, _CHECKS.get(name, real(0)))
        except ValueError as error:
            raise ValueError(f'{file}: {error}') from None
    return Thresholds(**content)


def thresholds_yaml(thresholds: Thresholds) -> str:
    """A file for :func:`read_thresholds`."""
    return yaml.safe_dump(asdict(thresholds), sort_keys=False)


class ScoreRanks:
    """The scores of each category: the quantile of one among them."""

    def __init__(self, records: Iterable[dict]) -> None:
        scores: dict[str, list[float]] = defaultdict(list)
        for record in records:
            for thing in record.get('things', ()):
                if 'score' in thing:
                    scores[thing['category']].append(thing['score'])
        self._sorted = {name: np.sort(np.asarray(values, dtype=np.float32)) for name, values in scores.items()}

    def quantile(self, category: str, score: float) -> float:
        """The share of the category's scores that are less."""
        known = self._sorted[category]
        return float(np.searchsorted(known, np.float32(score), side='left') / len(known))


def confidence(thing: Mapping) -> float:
    """How sure an answer is, in [0, 1]: the mean of match, quantile, flip and scale, as far as there are."""
    values = [thing[name] for name in ('match', 'quantile', 'flip', 'scale') if thing.get(name) is not None]
    return round(sum(values) / len(values), 4)


def judge(record: dict, ranks: ScoreRanks, thresholds: Thresholds, caps: Mapping[str, float] | None = None) -> None:
    """Adds to each thing of a record ``failed``, the filters that it fails, in their order; without any it is a label.

    Also its ``quantile`` and ``confidence``, ``captions``, how many have a thing of its category at the same place, and
    to one that is a duplicate ``same_as``, the number of the label.

    Args:
        caps: For categories with more labels than the cap, the least confidence of those that stay.
    """
    things = record.get('things', ())
    same: dict[int, list[int]] = {}
    for number, thing in enumerate(things):
        if 'box' not in thing:
            thing['failed'] = ['read']
            continue
        thing['quantile'] = round(ranks.quantile(thing['category'], thing['score']), 4)
        thing['confidence'] = confidence(thing)
        same[number] = same_place(things, number, thresholds.duplicates)
        thing['captions'] = len({things[other]['caption'] for other in (number, *same[number])})
        thing['failed'] = list(_failed(thing, record, thresholds))
    passed = [number for number, thing in enumerate(things) if not thing['failed']]
    kept: list[int] = []
    # Of equally sure ones the first in the captions stays.
    for number in sorted(passed, key=lambda place: (-things[place]['confidence'], place)):
        surer = next((other for other in kept if other in same[number]), None)
        if surer is None:
            kept.append(number)
        else:
            things[number]['same_as'] = surer
            things[number]['failed'].append('duplicates')
    for number in kept:
        if caps and things[number]['confidence'] < caps.get(things[number]['category'], 0.0):
            things[number]['failed'].append('cap')


def same_place(things: Sequence[Mapping], number: int, overlap: float) -> list[int]:
    """The numbers of the other things of the category of thing ``number`` whose boxes overlap its by a larger IoU than
    ``overlap``."""
    own = things[number]
    return [
        other
        for other, thing in enumerate(things)
        if other != number
        and 'box' in thing
        and thing['category'] == own['category']
        and iou(thing['box'], own['box']) > overlap
    ]


def _failed(thing: Mapping, record: Mapping, thresholds: Thresholds) -> Iterable[str]:
    for name in ('match', 'quantile', 'flip', 'scale', 'captions', 'confidence'):
        if thing[name] is not None and thing[name] < getattr(thresholds, name):
            yield name
    x1, y1, x2, y2 = thing['box']
    width, height = x2 - x1, y2 - y1
    if not thresholds.min_area <= width * height / (record['width'] * record['height']) <= thresholds.max_area:
        yield 'area'
    if max(width, height) > thresholds.aspect * min(width, height):
        yield 'aspect'


def labels_of(record: dict) -> list[int]:
    """The numbers of the things of a judged record that are labels."""
    return [number for number, thing in enumerate(record.get('things', ())) if not thing['failed']]


def is_covered(record: dict, thing: Mapping) -> bool:
    """Whether a thing that is named has a label: its own, or that of which it is a duplicate."""
    if thing['failed'] == ['duplicates']:
        thing = record['things'][thing['same_as']]
    return not thing['failed']


def least_confidences(records: Iterable[dict], ranks: ScoreRanks, thresholds: Thresholds) -> dict[str, float]:
    """For categories with more labels than the cap the least confidence of those that stay; of equally sure ones all
    go, so that there are never more."""
    if thresholds.cap is None:
        return {}
    sure: dict[str, list[float]] = defaultdict(list)
    for record in records:
        judge(record, ranks, thresholds)
        for number in labels_of(record):
            sure[record['things'][number]['category']].append(record['things'][number]['confidence'])
    return least_kept(sure, thresholds.cap)


def least_kept(sure: Mapping[str, Sequence[float]], cap: int) -> dict[str, float]:
    """For categories with more labels, of the confidences ``sure``, than the ``cap`` the least of those that stay."""
    return {
        name: float(np.nextafter(sorted(values, reverse=True)[int(cap)], 2))
        for name, values in sure.items()
        if len(values) > cap
    }
