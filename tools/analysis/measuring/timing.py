"""Times several functions in turns, so that other load on the machine affects them alike.

There are two clocks. ``time.perf_counter`` is the time that a user waits. ``time.process_time`` counts the CPU seconds
of this process; with one thread that is the time on an idle machine, so it is the clock for shared cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch


@dataclass
class Alternation:
    """Seconds of every rival in every round, by name; all lists have one length."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """The median of a rival's seconds."""
        return median(self.seconds[name])

    def ratio(self, slow: str, fast: str) -> float:
        """How many times longer ``slow`` takes than ``fast``: the median of the ratios within one round."""
        return median(a / b for a, b in zip(self.seconds[slow], self.seconds[fast], strict=True))


def alternate(
    rivals: Mapping[str, Callable[[], object]],
    rounds: int = 5,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Alternation:
    """Runs all ``rivals`` once a round, after ``warm_up`` rounds that do not count; every round starts with another.

    Work that a GPU still has to do counts for the rival that asked for it.

    Raises:
        ValueError: there is no rival, or no round.
    """
    if not rivals or rounds < 1:
        raise ValueError(f'alternate needs rivals and rounds, got {len(rivals)} rivals and {rounds} rounds')
    names = list(rivals)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warm_up, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            _finish()
            start = clock()
            rivals[name]()
            _finish()
            if turn >= 0:
                seconds[name].append(clock() - start)
    return Alternation(seconds)


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
