"""Makes the tables of a page from the records of runs; no figure is typed by hand.

    python tools/analysis/make_results.py docs/ablations.md            rewrites the tables of the page
    python tools/analysis/make_results.py docs/ablations.md --check    exits with 1 when they are not up to date

A table stands between two comments. The tool rewrites what is between them and leaves all other text:

    <!-- results: ablations configs/ablation/grid.yaml docs/runs/ablations -->   the grid's tables, of records
    <!-- /results -->                                                            <row>-seed<k>.json in the folder
    <!-- results: table configs/ablation/grid_tasks.yaml docs/runs/tasks NLVR2 -->        one of the grid's tables
    <!-- results: overview configs/ablation/grid_tasks.yaml docs/runs/tasks -->           a line a task
    <!-- results: runs docs/runs/shapes docs/runs/shapes_long -->                runs and their metrics, a folder of
    <!-- /results -->                                                            one config's seeds in a column

Records are the ``run.json`` of work directories (``RunRecordHook``), copied by ``tools/analysis/run_ablations.py
--collect`` or by hand. With several seeds, a figure is their mean and sample standard deviation. In a grid's table this
holds for the first row. The others have their mean and, in brackets, the mean and deviation of the difference to the
first row, paired by seed, because seeds differ more than rows do. Paths are below the repository's root.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from slan_mm.cli.errors import one_line_errors


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Makes a page's tables from the records of runs.")
    parser.add_argument('page', type=Path, help='Markdown file with places for tables')
    parser.add_argument('--check', action='store_true', help='change nothing; exit with 1 where something would change')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from ablation_grid import Grid, read_grid
from result_tables import (
    Record,
    ablation_table,
    common_baseline,
    figure,
    markdown,
    overview_table,
    processors_of,
    provenance,
    read_records,
)

from slan_mm.atomic_files import replaced_atomically

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r'(<!-- results: (\w+) ([^>]*?) -->\n).*?(<!-- /results -->)', re.DOTALL)
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


def ablations_block(grid_path: str, folder: str) -> str:
    """All tables of a grid."""
    grid, records = read_grid(ROOT / grid_path), read_records(ROOT / folder)
    used = _used(grid, records)
    made = [ablation_table(grid, table, records) for table in grid.tables] if used else []
    return '\n\n'.join([provenance(used), *(f'### {title}\n\n{text}' for title, text in made)])


def table_block(grid_path: str, folder: str, *title: str) -> str:
    """One table of a grid.

    Raises:
        ValueError: The grid has no table of this title.
    """
    grid, records = read_grid(ROOT / grid_path), read_records(ROOT / folder)
    chosen = [table for table in grid.tables if table.title == ' '.join(title)]
    if not chosen:
        raise ValueError(f'{grid_path} has no table {" ".join(title)!r}, only {[table.title for table in grid.tables]}')
    grid = replace(grid, tables=chosen)
    named, text = ablation_table(grid, chosen[0], records)
    return f'**{named}**\n\n{text}\n\n{provenance(_used(grid, records))}'


def overview_block(grid_path: str, folder: str) -> str:
    """The grid's overview: a line a task."""
    grid, records = read_grid(ROOT / grid_path), read_records(ROOT / folder)
    return f'{overview_table(grid, records)}\n\n{provenance(_used(grid, records))}'


def _used(grid: Grid, records: Mapping[str, Record]) -> list[Record]:
    shown = {f'{name}-seed{seed}' for table in grid.tables for name in table.rows for seed in table.seeds}
    return [record for name, record in records.items() if name in shown]


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
        common = {(record['config'], record['steps'], processors_of(record)) for record in records}
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
            reached = common_baseline(everything, chance)
            lines.append(
                [f'`{metric}`', *cells, '' if reached is None else figure([reached], metric)],
            )
    return '\n\n'.join(
        [
            said + markdown(header, about),
            markdown(['', *(f'`{name}`' for name in columns), 'chance or baseline'], lines),
        ]
    )


BLOCKS: dict[str, Callable[..., str]] = {
    'ablations': ablations_block,
    'table': table_block,
    'overview': overview_block,
    'runs': runs_block,
}


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
