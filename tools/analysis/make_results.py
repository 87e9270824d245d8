"""Makes the tables of a page from the records of runs; no figure is typed by hand.

    python tools/analysis/make_results.py docs/ablations.md            rewrites the tables of the page
    python tools/analysis/make_results.py docs/ablations.md --check    exits with 1 when they are not up to date

A table stands between two comments. The tool rewrites what is between them and leaves all other text:

    <!-- results: ablations configs/ablation/grid.yaml docs/runs/ablations -->   the grid's tables, of records
    <!-- /results -->                                                            <row>-seed<k>.json in the folder
    <!-- results: runs docs/runs/shapes docs/runs/shapes_long -->                runs and their metrics, a folder of
    <!-- /results -->                                                            one config's seeds in a column

Records are the ``run.json`` of work directories (``RunRecordHook``), copied by ``tools/analysis/run_ablations.py
--collect`` or by hand. With several seeds, a figure is their mean and sample standard deviation. In a grid's table this
holds for the first row. The others have their mean and, in brackets, the mean and deviation of the difference to the
first row, paired by seed, because seeds differ more than rows do. Paths are below the repository's root.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from slan_mm.cli.errors import one_line_errors


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Makes a page's tables from the records of runs.")
    parser.add_argument('page', type=Path, help='Markdown file with places for tables')
    parser.add_argument('--check', action='store_true', help='change nothing; exit with 1 where something would change')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from ablation_grid import Grid, Table, read_grid

from slan_mm.atomic_files import replaced_atomically
from slan_mm.text_files import read_json

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r'(<!-- results: (\w+) ([^>]*?) -->\n).*?(<!-- /results -->)', re.DOTALL)
#: Fields that every record of a table must have.
_NEEDED = ('config', 'commit', 'seed', 'steps', 'train_seconds', 'test')
#: Measures that are fractions; all others are percent or counts.
_FRACTIONS = ('mean_iou', 'mean_side', 'pairwise_iou', 'bbox_mAP')
#: Metrics of a run's table, in this order, as far as a run has them; with what chance or a baseline gives.
RUN_METRICS = {
    'retrieval/i2t_R1': '1/images',
    'retrieval/t2i_R1': '1/images',
    'retrieval_shortlist/i2t_R1': '1/images',
    'retrieval_shortlist/t2i_R1': '1/images',
    'retrieval_itc/i2t_R1': '1/images',
    'retrieval_itc/t2i_R1': '1/images',
    'grounding/pointing': 'grounding/pointing_center',
    'grounding/pointing_level0': '',
    'grounding/R1': 'grounding/R1_center',
    'grounding/R1_level0': '',
    'grounding/mean_iou': 'grounding/mean_iou_center',
    'regions/mean_side': '',
    'regions/pairwise_iou': '',
}
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


def row_records(name: str, table: Table, records: Mapping[str, Record]) -> dict[int, Record]:
    """The records of a table's row by seed, as far as they are there."""
    return {seed: records[f'{name}-seed{seed}'] for seed in table.seeds if f'{name}-seed{seed}' in records}


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


def ablation_table(grid: Grid, table: Table, records: Mapping[str, Record]) -> str:
    """A table of the grid, a row each with its seeds, and what chance gives in the last line.

    Raises:
        ValueError: A record is of other settings than its row: the grid has changed since it ran.
    """
    lines: list[list[str]] = []
    counts: set[int] = set()
    used: list[Record] = []
    reference: dict[int, Record] | None = None
    for name in table.rows:
        row = grid.rows[name]
        found = row_records(name, table, records)
        reference = found if reference is None else reference
        for record in found.values():
            ran = record.get('ablation', {})
            wanted = json.loads(json.dumps([row.config, grid.options_of(row), row.cut]))
            if [ran.get('config'), ran.get('options'), ran.get('cut')] != wanted or ran.get('smoke'):
                raise ValueError(f'the record of row {name}, seed {record["seed"]}, is of other settings than the grid')
        used += found.values()
        values = [compared(found, reference, metric) for metric in table.metrics.values()]
        lines.append([row.label, str(len(found)) if found else 'not run', *values])
        counts.add(len(found))
    chance = [
        figure([value], metric) if (value := _common_baseline(used, grid.baselines.get(metric))) is not None else ''
        for metric in table.metrics.values()
    ]
    if any(chance):
        lines.append(['*chance or baseline*', '', *chance])
    header, seeds = ['', 'seeds', *table.metrics], ''
    if len(counts) == 1 and all(counts):  # said once, in the title
        seeds = f' (seeds: {counts.pop()})'
        header, *lines = ([cells[0], *cells[2:]] for cells in [header, *lines])
    note = f'\n{table.note}\n' if table.note else ''
    return f'### {table.title}{seeds}\n{note}\n' + markdown(header, lines)


def _common_baseline(records: Sequence[Record], name: str | None) -> float | None:
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
    processors = sorted({_processors(record) for record in records})
    return (
        f'{len(records)} runs; commit {", ".join(commits)}; {_range(steps)} steps; {" and ".join(processors)} '
        f'(processes x threads); {minutes[0]:.1f} to {minutes[-1]:.1f} minutes of training.'
    )


def _processors(record: Record) -> str:
    """Processes x threads of a run, and on which GPU, if not on CPUs; records of older runs name no device."""
    device = record.get('device', 'cpu')
    return f'{record.get("processes", 1)} x {record.get("threads", "")}' + (f', {device}' if device != 'cpu' else '')


def _range(values: Sequence[int]) -> str:
    return f'{values[0]}' if len(values) == 1 else f'{values[0]} to {values[-1]}'


def ablations_block(grid_path: str, folder: str) -> str:
    """All tables of a grid."""
    grid, records = read_grid(ROOT / grid_path), read_records(ROOT / folder)
    shown = {f'{name}-seed{seed}' for table in grid.tables for name in table.rows for seed in table.seeds}
    used = [record for name, record in records.items() if name in shown]
    tables = [ablation_table(grid, table, records) for table in grid.tables] if used else []
    return '\n\n'.join([provenance(used), *tables])


def runs_block(*folders: str) -> str:
    """A row a folder with what ran, then the metrics, a column a folder, beside chance.

    Raises:
        ValueError: Runs of one folder differ in more than their seeds.
    """
    columns = {Path(folder).name: list(read_records(ROOT / folder).values()) for folder in folders}
    columns = {name: records for name, records in columns.items() if records}
    if not columns:
        return 'No run is recorded yet.'
    about = []
    for name, records in columns.items():
        common = {(record['config'], record['steps'], _processors(record)) for record in records}
        if len(common) > 1:
            raise ValueError(f'runs in {name} differ in more than their seeds: {sorted(common)}')
        ((config, steps, processors),) = common
        each = (
            [record['commit'][:12] for record in records],
            [str(record['seed']) for record in records],
            [f'{record["train_seconds"] / 60:.1f}' for record in records],
        )
        about.append(
            [f'`{name}`', f'`{config}`', str(steps), *(', '.join(values) for values in each), processors],
        )
    header = ['runs', 'config', 'steps', 'commit', 'seed', 'minutes', 'processes x threads']
    said = ''
    if len({line[-1] for line in about}) == 1:
        said = f'{about[0][-1]} (processes x threads).\n\n'
        header, *about = (line[:-1] for line in [header, *about])
    everything = [record for records in columns.values() for record in records]
    lines = []
    for metric, chance in RUN_METRICS.items():
        if any(metric in record['test'] for record in everything):
            cells = [
                figure([record['test'][metric] for record in records if metric in record['test']], metric)
                for records in columns.values()
            ]
            common_baseline = _common_baseline(everything, chance)
            lines.append(
                [f'`{metric}`', *cells, '' if common_baseline is None else figure([common_baseline], metric)],
            )
    return '\n\n'.join(
        [
            said + markdown(header, about),
            markdown(['', *(f'`{name}`' for name in columns), 'chance or baseline'], lines),
        ]
    )


BLOCKS: dict[str, Callable[..., str]] = {'ablations': ablations_block, 'runs': runs_block}


def render(text: str) -> str:
    """A page with its tables made anew.

    Raises:
        ValueError: It has no place for a table, or one of a kind that is not known.
    """
    if not _BLOCK.search(text):
        raise ValueError('the page has no place for a table: <!-- results: ... --> and <!-- /results -->')

    def fill(match: re.Match) -> str:
        start, kind, arguments, end = match.groups()
        if kind not in BLOCKS:
            raise ValueError(f'there are no results of the kind {kind!r}, only {sorted(BLOCKS)}')
        return f'{start}\n{BLOCKS[kind](*arguments.split())}\n\n{end}'

    return _BLOCK.sub(fill, text)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Rewrites, or checks, a page."""
    options = parse_options(arguments)
    old = options.page.read_text()
    new = render(old)
    if options.check:
        sys.exit(f'make_results: {options.page} is not up to date' if new != old else 0)
    with replaced_atomically(options.page) as temporary:
        temporary.write_text(new)
    print(f'{options.page}: {"changed" if new != old else "as it was"}')


if __name__ == '__main__':
    main()
