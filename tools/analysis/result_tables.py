"""Tables of a grid's runs, as Markdown: rows of settings with several seeds, and one line a task."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ablation_grid import CHANCE, Comparison, Grid, Table

from slan_mm.text_files import read_json

#: Fields that every record of a table must have.
_NEEDED = ('config', 'commit', 'seed', 'steps', 'train_seconds', 'test')
#: Measures that are fractions; all others are percent or counts.
_FRACTIONS = ('mean_iou', 'mean_side', 'pairwise_iou', 'bbox_mAP')
Record = Mapping[str, Any]


def read_records(folder: Path) -> dict[str, Record]:
    """The records in a folder by file name; empty where it is not there.

    Raises:
        ValueError: A record is of a run that did not finish, or lacks what a table tells of a run.
    """
    records = {path.stem: read_json(path) for path in sorted(folder.glob('*.json'))}
    for name, record in records.items():
        missing = [key for key in _NEEDED if record.get(key) is None]
        if missing or not record.get('finished'):
            what = f'lacks {", ".join(missing)}' if missing else 'is of a run that did not finish'
            raise ValueError(f'{folder / name}.json {what}: only whole runs stand in tables')
    return records


def baseline(record: Record, name: str) -> float | None:
    """What chance, or a baseline, reaches in a run's test: a metric's name, or ``1/images``, in percent."""
    if name == '1/images':
        gallery = next(iter(record.get('galleries', {}).values()), None)
        return None if gallery is None else 100 / gallery['images']
    return record['test'].get(name)


def figure(values: Sequence[float], metric: str, sign: str = '') -> str:
    """Mean, and sample standard deviation where there are several; '' of none. ``sign='+'`` also shows a plus."""
    if not values:
        return ''
    digits = 3 if metric.rsplit('/', 1)[-1].startswith(_FRACTIONS) else 1
    spread = f' ± {stdev(values):.{digits}f}' if len(values) > 1 else ''
    return f'{mean(values):{sign}.{digits}f}{spread}'


def paired_differences(own: Mapping[int, Record], reference: Mapping[int, Record], metric: str) -> list[float]:
    """What a row has more than the reference row, of each seed that both have."""
    return [
        record['test'][metric] - reference[seed]['test'][metric]
        for seed, record in own.items()
        if metric in record['test'] and metric in reference.get(seed, {}).get('test', {})
    ]


def row_records(grid: Grid, name: str, seeds: Iterable[int], records: Mapping[str, Record]) -> dict[int, Record]:
    """The records of a row by seed, as far as they are there.

    Raises:
        ValueError: A record is of other settings than its row: the grid has changed since it ran.
    """
    row = grid.rows[name]
    wanted = json.loads(json.dumps([row.config, grid.options_of(row), row.cut]))
    found = {seed: records[key] for seed in seeds if (key := f'{name}-seed{seed}') in records}
    for seed, record in found.items():
        ran = record.get('ablation', {})
        if [ran.get('config'), ran.get('options'), ran.get('cut')] != wanted or ran.get('smoke'):
            raise ValueError(f'the record of row {name}, seed {seed}, is of other settings than the grid')
    return found


def compared(own: Mapping[int, Record], reference: Mapping[int, Record], metric: str) -> str:
    """A row's figure of its records by seed, and how it differs from the reference row's, seed by seed.

    The latter is left out where both have one seed, the same: it is there to see.
    """
    text = figure([record['test'][metric] for record in own.values() if metric in record['test']], metric)
    # Within brackets stands the spread that tells rows apart; that of the row itself is mostly the seeds'.
    differences = [] if own is reference else paired_differences(own, reference, metric)
    paired = differences and len(reference) > 1
    return f'{text.split(" ± ")[0]} ({figure(differences, metric, "+")})' if paired else text


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is text, the others are figures."""
    lines = [header, ['---', *['---:'] * (len(header) - 1)], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def ablation_table(grid: Grid, table: Table, records: Mapping[str, Record]) -> tuple[str, str]:
    """A table of the grid: its title, and a row each with its seeds, with what chance gives in the last line.

    Raises:
        ValueError: A record is of other settings than its row: the grid has changed since it ran.
    """
    lines: list[list[str]] = []
    counts: set[int] = set()
    used: list[Record] = []
    reference: dict[int, Record] | None = None
    for name in table.rows:
        found = row_records(grid, name, table.seeds, records)
        reference = found if reference is None else reference
        used += found.values()
        values = [compared(found, reference, metric) for metric in table.metrics.values()]
        lines.append([grid.rows[name].label, str(len(found)) if found else 'not run', *values])
        counts.add(len(found))
    chance = [
        figure([value], metric) if (value := common_baseline(used, grid.baselines.get(metric))) is not None else ''
        for metric in table.metrics.values()
    ]
    if any(chance):
        lines.append(['*chance or baseline*', '', *chance])
    header, seeds = ['', 'seeds', *table.metrics], ''
    if len(counts) == 1 and all(counts):  # said once, in the title
        seeds = f' (seeds: {counts.pop()})'
        header, *lines = ([cells[0], *cells[2:]] for cells in [header, *lines])
    note = f'{table.note}\n\n' if table.note else ''
    return f'{table.title}{seeds}', note + markdown(header, lines)


def overview_table(grid: Grid, records: Mapping[str, Record]) -> str:
    """A line a task with its main metric in each column, and how much the second column is above the first.

    Figures have the mean and deviation of all seeds of their row; the difference is paired by seed.

    Raises:
        ValueError: The grid has no overview, or a record is of other settings than its row.
    """
    if not grid.overview:
        raise ValueError('the grid has no overview')
    seeds, columns = grid.seeds(), list(next(iter(grid.overview.values())).columns)
    lines = []
    for label, line in grid.overview.items():
        found = {
            column: row_records(grid, row, sorted(seeds[row]), records)
            for column, row in line.columns.items()
            if row is not None and row != CHANCE
        }
        cells = [_overview_cell(grid, line, column, found) for column in columns]
        gains = paired_differences(found.get(columns[1], {}), found.get(columns[0], {}), line.metric)
        lines.append([label, *cells, figure(gains, line.metric, '+')])
    return markdown(['', *columns, f'{columns[1]} less {columns[0]}'], lines)


def _overview_cell(grid: Grid, line: Comparison, column: str, found: Mapping[str, Mapping[int, Record]]) -> str:
    if column in found:
        values = [record['test'][line.metric] for record in found[column].values()]
        return figure(values, line.metric) or 'not run'
    if line.columns[column] is None:
        return ''
    used = [record for records in found.values() for record in records.values()]
    value = common_baseline(used, grid.baselines.get(line.metric))
    return '' if value is None else figure([value], line.metric)


def common_baseline(records: Sequence[Record], name: str | None) -> float | None:
    """What chance, or a baseline, reaches in all of these runs' tests; None where it is not known.

    Raises:
        ValueError: The runs were tested on different data.
    """
    values = [value for record in records if name and (value := baseline(record, name)) is not None]
    if values and max(values) - min(values) > 1e-6:
        raise ValueError(f'records of one table differ in the baseline {name}: they were tested on different data')
    return values[0] if values else None


def provenance(records: Sequence[Record]) -> str:
    """What the runs of a table have in common, in a sentence each."""
    if not records:
        return 'No run of this grid is recorded yet.'
    minutes = sorted(record['train_seconds'] / 60 for record in records)
    commits = sorted({record['commit'][:12] for record in records})
    steps = sorted({record['steps'] for record in records})
    processors = sorted({processors_of(record) for record in records})
    return (
        f'{len(records)} runs; commit {", ".join(commits)}; {_range(steps)} steps; {" and ".join(processors)} '
        f'(processes x threads); {minutes[0]:.1f} to {minutes[-1]:.1f} minutes of training.'
    )


def processors_of(record: Record) -> str:
    """Processes x threads of a run, and on which GPU, if not on CPUs; records of older runs name no device."""
    device = record.get('device', 'cpu')
    return f'{record.get("processes", 1)} x {record.get("threads", "")}' + (f', {device}' if device != 'cpu' else '')


def _range(values: Sequence[int]) -> str:
    return f'{values[0]}' if len(values) == 1 else f'{values[0]} to {values[-1]}'
