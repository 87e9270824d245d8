"""Draws the tables that have a spread over seeds, from the records of runs.

    python tools/analysis/plot_results.py --out-dir docs/images

``ablations.svg``: how the rows of ``configs/ablation/grid.yaml`` differ from the first row of their table, by seed,
of ``docs/runs/ablations``. ``results.svg``: runs of the tiny model with three seeds. A dot is a mean, a bar its sample
standard deviation. The numbers also stand in the files, as their description.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Draws the tables that have a spread over seeds.')
    parser.add_argument('--out-dir', type=option(out_folder), default=Path('work_dirs/plots'), help='for the figures')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import matplotlib as mpl
from ablation_grid import read_grid
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from result_tables import paired_differences, read_records, row_records

from slan_mm.atomic_files import replaced_atomically

ROOT = Path(__file__).resolve().parents[2]
#: Panels of the ablations, and of the results: a metric and its name.
ABLATION_METRICS = {'grounding/pointing': 'pointing', 'grounding/R1': 'grounding R@1'}
RESULT_METRICS = {'retrieval/i2t_R1': 'i2t R@1', 'retrieval/t2i_R1': 't2i R@1', **ABLATION_METRICS}
#: Folders of docs/runs with several seeds, and what they are.
RESULT_RUNS = {
    'shapes_long_adaptors-0': 'no region adaptor',
    'shapes_long': 'three region adaptors',
    'shapes_long_two_terms': 'the same, maps of both terms',
}
_INK, _GREY, _WORSE, _BETTER = '#212529', '#667085', '#c2255c', '#1864ab'
_STYLE = {
    'font.family': 'DejaVu Sans', 'font.size': 8.5, 'svg.hashsalt': 'slan', 'axes.edgecolor': _GREY,
    'axes.labelcolor': _INK, 'text.color': _INK, 'xtick.color': _GREY, 'ytick.color': _INK,
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A row in a panel: the mean of ``values``, one a seed, and their sample standard deviation."""

    group: str
    label: str
    metric: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the values."""
        return mean(self.values)

    @property
    def spread(self) -> float:
        """Sample standard deviation; 0 of one seed."""
        return stdev(self.values) if len(self.values) > 1 else 0.0


def ablation_points(grid_path: Path, folder: Path) -> list[Point]:
    """Of each row of each table the differences to the table's first row, paired by seed."""
    grid, records = read_grid(grid_path), read_records(folder)
    points = []
    for table in grid.tables:
        reference = row_records(grid, table.rows[0], table.seeds, records)
        for name in table.rows[1:]:
            own = row_records(grid, name, table.seeds, records)
            for metric in ABLATION_METRICS:
                if differences := paired_differences(own, reference, metric):
                    points.append(Point(table.title, grid.rows[name].label, metric, tuple(differences)))
    return points


def result_points(runs: Path) -> list[Point]:
    """Of each folder of ``RESULT_RUNS`` the metrics of its seeds."""
    return [
        Point('', label, metric, tuple(record['test'][metric] for record in read_records(runs / folder).values()))
        for folder, label in RESULT_RUNS.items()
        for metric in RESULT_METRICS
    ]


def draw(points: list[Point], metrics: dict[str, str], columns: int, difference: bool) -> Figure:
    """A panel for each metric; rows in the order of ``points``, under the titles of their groups."""
    rows: list[tuple[str, str]] = []
    for group, label in dict.fromkeys((point.group, point.label) for point in points):
        if group and (group, '') not in rows:
            rows.append((group, ''))
        rows.append((group, label))
    lines = -(-len(metrics) // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.6, lines * (0.75 + 0.205 * len(rows))), layout='constrained', facecolor='white')
        axes: Any = figure.subplots(lines, columns, sharey=True, squeeze=False)
        for panel, (metric, title) in zip(axes.flat, metrics.items(), strict=True):
            _panel(panel, [point for point in points if point.metric == metric], rows, difference)
            panel.set_title(title, fontsize=9, fontweight='bold')
        for panel in axes[:, 0]:
            panel.set_yticks(range(len(rows)), [label or _short(group) for group, label in rows])
            panel.set_ylim(len(rows) - 0.5, -0.5)
            for text, (_, label) in zip(panel.get_yticklabels(), rows, strict=True):
                text.set(fontweight='normal' if label else 'bold', fontsize=8.5 if label else 8)
        figure.supxlabel('difference to the default, in points' if difference else 'percent', fontsize=8.5)
    return figure


def _short(title: str) -> str:
    """What a table is about, without its number."""
    return title.split(': ')[-1]


def _panel(panel: Axes, points: list[Point], rows: list[tuple[str, str]], difference: bool) -> None:
    panel.grid(axis='x', color='#e4e7ec', linewidth=0.6)
    panel.spines[['top', 'right', 'left']].set_visible(False)
    panel.tick_params(axis='y', length=0)
    if difference:
        panel.axvline(0, color=_GREY, linewidth=0.9)
    for point in points:
        place = rows.index((point.group, point.label))
        # Hollow: the bar reaches the default.
        certain = not difference or abs(point.mean) > point.spread
        color = _WORSE if difference and point.mean < 0 else _BETTER
        panel.errorbar(
            [point.mean], [place], xerr=[point.spread], fmt='o', markersize=4.5, color=color, capsize=2, linewidth=1.2,
            markerfacecolor=color if certain else 'white',
        )  # fmt: skip


def save(figure: Figure, path: Path, points: list[Point]) -> None:
    """Writes a figure, the same bytes of the same numbers, with the numbers as its description."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {'Date': None, 'Description': json.dumps([asdict(point) for point in points])}
    with replaced_atomically(path) as temporary, mpl.rc_context(_STYLE):
        figure.savefig(temporary, format='svg', metadata=metadata)
    print(path)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Draws both figures."""
    folder = Path(parse_options(arguments).out_dir)
    points = ablation_points(ROOT / 'configs/ablation/grid.yaml', ROOT / 'docs/runs/ablations')
    save(draw(points, ABLATION_METRICS, 2, difference=True), folder / 'ablations.svg', points)
    points = result_points(ROOT / 'docs/runs')
    save(draw(points, RESULT_METRICS, 2, difference=False), folder / 'results.svg', points)


if __name__ == '__main__':
    main()
