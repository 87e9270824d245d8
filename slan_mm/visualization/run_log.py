"""What a run has logged: MMEngine's ``scalars.json``, a line at a time, and the record of the run."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slan_mm.plain_text import short
from slan_mm.text_files import TextFileError, parse_json, read_json, read_utf8

#: What tells the iteration of a line: of the training, and of a validation.
_STEPS = ('iter', 'step')


@dataclass
class RunLog:
    """A run for people to look at.

    - ``name``: its folder, or its log, as it was given.
    - ``train``, ``val``: of each scalar of the training, and of each metric of the validations, its values by
      iteration; those that are not finite are NaN.
    - ``record``: its ``run.json``, if it is there; ``pictures``: files by iteration, of ``TrainingFramesHook``.
    """

    name: str
    train: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    val: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    record: dict[str, Any] = field(default_factory=dict)
    pictures: dict[int, Path] = field(default_factory=dict)


def read_run(place: Path) -> RunLog:
    """The run of a work directory, or of a log file alone.

    A work directory has a log for each time that it was started: a later one takes the place of what an earlier one has
    from its first iteration on.

    Raises:
        FileNotFoundError: There is no log.
        TextFileError: A log or the record is damaged; of a log that is being written the last line may be cut.
    """
    logs = [place] if place.is_file() else sorted(place.glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(
            f'{place}: no log. A work directory has <time>/vis_data/scalars.json after its first lines'
        )
    run = RunLog(str(place))
    for log in logs:
        _add(run, log)
    if place.is_dir():
        if (place / 'run.json').is_file():
            record = read_json(place / 'run.json')
            if not isinstance(record, dict):
                raise TextFileError(place / 'run.json', 'the record of a run has names and values')
            run.record = record
        pictures = {path.stem.removeprefix('iter_'): path for path in sorted(place.glob('frames/iter_*.png'))}
        run.pictures = {int(step): path for step, path in pictures.items() if step.isdecimal()}
    return run


def _add(run: RunLog, log: Path) -> None:
    # A test writes a log with no training in it, and iteration 0.
    lines = [line for line in _lines(log) if _is_training(line) or line.get('step')]
    trained = [int(line['iter']) for line in lines if _is_training(line)]
    if trained:
        for values in (*run.train.values(), *run.val.values()):
            for step in [step for step in values if step >= trained[0]]:
                del values[step]
    for line in lines:
        kind, step = (run.train, int(line['iter'])) if _is_training(line) else (run.val, int(line['step']))
        for name, value in line.items():
            if name not in (*_STEPS, 'epoch') and isinstance(value, int | float):
                kind[name][step] = value if abs(value) <= sys.float_info.max else math.nan


def _is_training(line: dict) -> bool:
    return 'iter' in line


def _lines(log: Path) -> list[dict]:
    # Not str.splitlines: it also splits at characters that JSON allows inside a text.
    rows = read_utf8(log).rstrip('\n').split('\n')
    found = []
    for number, row in enumerate(rows, 1):
        try:
            value = parse_json(row, log, number, nan=True)
        except TextFileError:
            if number == len(rows):  # the run is writing it
                break
            raise
        if not isinstance(value, dict):
            raise TextFileError(log, 'a line of a log has names and values', number)
        for name in _STEPS:
            if not isinstance(value.get(name, 0), int):
                raise TextFileError(log, f'{name} should be a number of iterations, got {short(value[name])}', number)
        found.append(value)
    return found
