"""From answers to files: thresholds, labels, and what is told of them, with one picture in memory at a time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.choosing import Choice, choose_thresholds, find_candidates, precision_by
from slan_mm.pseudo_labels.filters import (
    FILTERS,
    ScoreRanks,
    Thresholds,
    is_covered,
    judge,
    labels_of,
    least_confidences,
    thresholds_yaml,
)
from slan_mm.pseudo_labels.fragments import read_blocks
from slan_mm.pseudo_labels.gold import Gold, chooses, is_right, right_labels
from slan_mm.pseudo_labels.writers import (
    Writer,
    coco_writer,
    label_studio_config,
    label_studio_writer,
    link_pictures,
    odvg_writer,
)

#: What a run writes beside the answers.
FILES = (
    'data', 'labels.json', 'odvg.jsonl', 'label_studio.json', 'label_studio.xml', 'classes.txt', 'thresholds.yaml',
    'report.html', 'report.json',
)  # fmt: skip
#: Precision and coverage are told by these, and how they are called.
CURVES = dict(agreement='flip and scale', captions='captions', confidence='confidence')
#: COCO's limits of small and medium boxes, in pixels of a picture of 640: here of any, by their share of it.
SIZES = (('small', 0.0025), ('medium', 0.0225), ('large', 1.01))


def size_name(box: Sequence[float], record: dict) -> str:
    """Small, medium or large, by the box's share of the picture."""
    share = (box[2] - box[0]) * (box[3] - box[1]) / (record['width'] * record['height'])
    return next(name for name, limit in SIZES if share <= limit)


@dataclass
class Tally:
    """What was counted. ``right`` and ``judged``, by (category, size), are of gold pictures that chose no threshold."""

    pictures: int = 0
    #: Why, for each one.
    unreadable: list[str] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)
    named: int = 0
    covered: int = 0
    labels: Counter = field(default_factory=Counter)
    fails: Counter = field(default_factory=Counter)
    left: Counter = field(default_factory=Counter)
    judged: Counter = field(default_factory=Counter)
    right: Counter = field(default_factory=Counter)
    gold_named: int = 0
    gold_covered: int = 0
    unfiltered_right: int = 0
    whole_right: int = 0
    curves: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)
    choice: Choice | None = None

    @property
    def precision(self) -> float | None:
        """Of the labels of the gold set's other half; None without one."""
        return self.right.total() / judged if (judged := self.judged.total()) else None

    def _of_class(self, name: str) -> dict:
        judged = sum(self.judged[name, size] for size, _ in SIZES)
        right = sum(self.right[name, size] for size, _ in SIZES)
        return dict(
            labels=sum(self.labels[name, size] for size, _ in SIZES),
            gold_labels=judged,
            precision=right / judged if judged else None,
        )

    def to_dict(self) -> dict:
        """As json can write it."""
        return dict(
            pictures=self.pictures,
            unreadable=len(self.unreadable),
            unreadable_reasons=self.unreadable,
            left_out=dict(self.left_out),
            things_named=self.named,
            coverage=self.covered / max(self.named, 1),
            labels=self.labels.total(),
            fails=dict(self.fails),
            left=dict(self.left),
            precision=self.precision,
            **({} if self.choice is None else self.choice.to_dict()),
            gold_things=self.gold_named,
            gold_labels=self.judged.total(),
            gold_coverage=self.gold_covered / self.gold_named if self.gold_named else None,
            precision_unfiltered=self.unfiltered_right / self.gold_named if self.gold_named else None,
            precision_whole_picture=self.whole_right / self.gold_named if self.gold_named else None,
            **{f'precision_by_{name}': curve for name, curve in self.curves.items()},
            classes={name: self._of_class(name) for name in sorted({name for name, _ in self.labels})},
        )


def count(record: dict, tally: Tally, gold: Gold | None) -> None:
    """Adds a judged record."""
    tally.pictures += 1
    for thing in record['things']:
        tally.named += 1
        tally.covered += is_covered(record, thing)
        tally.fails.update(thing['failed'])
        passed = next((place for place, name in enumerate(FILTERS) if name in thing['failed']), len(FILTERS))
        tally.left.update(list(FILTERS)[:passed])
    for number in labels_of(record):
        thing = record['things'][number]
        tally.labels[thing['category'], size_name(thing['box'], record)] += 1
    true = None if gold is None or chooses(record['file_name']) else gold.boxes(record)
    if true is None:
        return
    for number, right in right_labels(record, true).items():
        thing = record['things'][number]
        key = thing['category'], size_name(thing['box'], record)
        tally.judged[key] += 1
        tally.right[key] += right
    for thing in record['things']:
        if (boxes := true.get(thing['category'])) is None:
            continue
        tally.gold_named += 1
        tally.gold_covered += is_covered(record, thing)
        tally.unfiltered_right += 'box' in thing and is_right(thing['box'], boxes)
        tally.whole_right += is_right([0, 0, record['width'], record['height']], boxes)


class Labelling:
    """The labels of the answers in a folder.

    Args:
        answers: The folder, see :mod:`slan_mm.pseudo_labels.fragments`.
        categories: The categories asked for.
        thresholds: Of the filters.
        gold: True boxes of some of the pictures.
        precision: What thresholds are chosen for, with ``gold``; None leaves them.
    """

    def __init__(
        self, answers: Path, categories: Categories, thresholds: Thresholds, gold: Gold | None, precision: float | None
    ) -> None:
        self.answers, self.categories, self.gold = answers, categories, gold
        self.tally = Tally()
        self.ranks = ScoreRanks(self.records())
        if gold is not None:
            found = find_candidates(self.records(), self.ranks, thresholds, gold)
            self.tally.curves = {name: precision_by(found, name) for name in CURVES}
            if precision is not None:
                self.tally.choice = choose_thresholds(found, thresholds, precision)
                thresholds = self.tally.choice.thresholds
        self.thresholds = thresholds
        self.caps = least_confidences(self.records(), self.ranks, thresholds)

    def records(self) -> Iterator[dict]:
        """All records in the order of the pictures."""
        for block in read_blocks(self.answers):
            yield from block

    def judged(self, tally: Tally | None = None) -> Iterator[dict]:
        """The records of pictures that could be read, judged; ``tally`` counts the others."""
        for record in self.records():
            if 'error' not in record:
                judge(record, self.ranks, self.thresholds, self.caps)
                yield record
            elif tally is not None:
                tally.unreadable.append(record['error'])

    def write(self, out: Path, root: Path) -> Tally:
        """Writes the label files and counts."""
        names = self.categories.names
        link_pictures(root, out / 'data')
        with ExitStack() as stack:
            writers: list[Writer] = [
                stack.enter_context(coco_writer(out / 'labels.json', names)),
                stack.enter_context(odvg_writer(out / 'odvg.jsonl')),
                stack.enter_context(label_studio_writer(out / 'label_studio.json')),
            ]
            for record in self.judged(self.tally):
                count(record, self.tally, self.gold)
                for writer in writers:
                    writer.write(record)
        for name, text in (
            ('label_studio.xml', label_studio_config(names)),
            ('classes.txt', ''.join(f'{one}\n' for one in names)),
            ('thresholds.yaml', thresholds_yaml(self.thresholds)),
        ):
            with replaced_atomically(out / name) as temporary:
                temporary.write_text(text, encoding='utf-8')
        return self.tally

    def write_review(self, folder: Path, root: Path, most: int) -> int:
        """Writes the pictures whose labels are least sure as a COCO file and a Label Studio project; how many."""
        worst: list[tuple[float, str]] = []
        for record in self.judged():
            sure = [record['things'][number]['confidence'] for number in labels_of(record)]
            if sure:
                # A heap of the most pictures whose least sure label is least sure.
                entry = (-min(sure), record['file_name'])
                (heapq.heappush if len(worst) < most else heapq.heappushpop)(worst, entry)
        chosen = {name for _, name in worst}
        folder.mkdir(parents=True, exist_ok=True)
        link_pictures(root, folder / 'data')
        names = self.categories.names
        with (
            coco_writer(folder / 'labels.json', names) as coco,
            label_studio_writer(folder / 'label_studio.json') as tasks,
        ):
            for record in self.judged():
                if record['file_name'] in chosen:
                    coco.write(record)
                    tasks.write(record)
        with replaced_atomically(folder / 'label_studio.xml') as temporary:
            temporary.write_text(label_studio_config(names), encoding='utf-8')
        return len(chosen)


def check_readable(answers: Path) -> None:
    """Raises UnreadableImageError: not one of the pictures that ``answers`` are of can be read."""
    reasons = []
    for block in read_blocks(answers):
        if any('error' not in record for record in block):
            return
        reasons += [record['error'] for record in block]
    raise UnreadableImageError(f'none of {len(reasons)} pictures can be read. The first: {reasons[0]}')
