"""The metrics of a run as a table for people, each beside what chance would give."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class _Row:
    """A line of the table: its name, and metrics of a task (or a number) for its columns."""

    title: str
    result: str
    chance: str | float | None = None
    before: str | None = None
    decimals: int = 1


def _retrieval(direction: str, title: str) -> list[_Row]:
    return [
        _Row(f'{title}, R@1, {how}', f'{{task}}{part}/{direction}_R1', '{task}/chance_R1')
        for how, part in (
            ('re-ranked by ITM', ''),
            ('without ITM', '_shortlist'),
            ('ITC alone', '_itc'),
            ('region-word terms alone', '_region_word'),
        )
    ]


#: Kinds of tasks, by the measure that tells one: the rows that stand for all of its metrics.
_KINDS = {
    'i2t_R1': [*_retrieval('i2t', 'image -> text'), *_retrieval('t2i', 'text -> image')],
    'pointing': [
        _Row(title, f'{{task}}/{name}', f'{{task}}/{chance}_center', f'{{task}}/{name}_level0', decimals)
        for title, name, chance, decimals in (
            ('phrase -> pointing accuracy', 'pointing', 'pointing', 1),
            ('phrase -> box, R@1 at IoU .5', 'R1', 'R1', 1),
            ('phrase -> box, R@5 at IoU .5', 'R5', 'R1', 1),
            ('phrase -> box, mean IoU', 'mean_iou', 'mean_iou', 2),
        )
    ],
    'pairwise_iou': [
        _Row('mean side of kept regions', '{task}/mean_side', decimals=2),
        _Row('mean pairwise IoU of kept regions', '{task}/pairwise_iou', decimals=2),
    ],
    'consistency': [
        _Row('statements judged rightly', '{task}/accuracy', 50.0),
        _Row('sentences right on all their pairs', '{task}/consistency'),
    ],
}
#: What the names of retrieval's parts end in; of the last two its table says nothing.
_PARTS = ('_shortlist', '_itc', '_region_word', '_weights', '_curve')
#: Tasks whose rows need no name before them.
_USUAL = ('retrieval', 'grounding', 'regions', 'nlvr2')
#: No results: numbers of samples, and time.
_NO_RESULTS = ('num_', 'chance_', 'time', 'data_time')

_CHANCE = {
    'i2t_R1': 'a randomly drawn image or text',
    'pointing': 'for phrases, a centred box of half the sides',
    'consistency': 'for statements, a coin',
}


def metrics_table(metrics: Mapping[str, float]) -> str:
    """A table of a run's metrics: chosen rows of retrieval, grounding and NLVR2, of other tasks all metrics.

    Args:
        metrics: By name, as evaluators give them, ``<task>/<measure>``; ``<task>/chance_R1`` of retrieval in percent,
            where it is known. Chance of grounding is a centred box of half the image's sides.

    Returns:
        The table in lines, without colours.
    """
    columns = ('result', 'chance', 'before any adaptor')
    rows: list[tuple[str, ...]] = []
    chances: list[str] = []
    for task, kind in _tasks(metrics).items():
        if kind is None:
            rows += [(name, _number(value), '', '') for name, value in _results(metrics, task)]
            continue
        for row in _KINDS[kind]:
            names = [name.format(task=task) if isinstance(name, str) else name for name in (row.result, row.chance)]
            if names[0] not in metrics:
                continue
            title = row.title if task in _USUAL else f'{task}: {row.title}'
            before = row.before.format(task=task) if row.before else None
            cells = [_cell(metrics, name, row.decimals) for name in (*names, before)]
            rows.append((title, *cells))
            if cells[1] and (said := _CHANCE[kind]) not in chances:
                chances.append(said)
    if 'train_eval_minutes' in metrics:
        rows.append(('training and evaluation, minutes', f'{metrics["train_eval_minutes"]:.1f}', '', ''))
    used = [0, *(index for index in range(1, len(columns) + 1) if any(row[index] for row in rows))]
    table = Table(box=SIMPLE_HEAD)
    table.add_column('')
    for index in used[1:]:
        table.add_column(columns[index - 1], justify='right')
    for cells_of_row in rows:
        table.add_row(*(cells_of_row[index] for index in used))
    # Of a fixed width: a narrow terminal must not cut numbers.
    text = io.StringIO()
    Console(file=text, width=100, color_system=None).print(table)
    lines = [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]
    return '\n'.join([*lines, *([f'  Chance: {"; ".join(chances)}.'] if chances else [])])


def _tasks(metrics: Mapping[str, float]) -> dict[str, str | None]:
    """The tasks in their order, each with its kind; None: none of ours."""
    tasks: dict[str, str | None] = {}
    for name in metrics:
        task, slash, measure = name.partition('/')
        whole = next((task.removesuffix(part) for part in _PARTS if task.endswith(part)), task)
        if measure in ('i2t_R1', 't2i_R1'):
            # Scores without ITM, and of ITC alone, are rows of their task; there may be no others.
            tasks[whole] = 'i2t_R1'
        elif slash and not (whole != task and any(f'{whole}{part}/i2t_R1' in metrics for part in ('', *_PARTS))):
            tasks[task] = tasks.get(task) or (measure if measure in _KINDS else None)
    return tasks


def _results(metrics: Mapping[str, float], task: str) -> list[tuple[str, float]]:
    return [
        (name, float(value))
        for name, value in metrics.items()
        if name.startswith(f'{task}/') and isinstance(value, Real) and not name.split('/')[-1].startswith(_NO_RESULTS)
    ]


def _cell(metrics: Mapping[str, float], name: str | float | None, decimals: int) -> str:
    value = metrics.get(name) if isinstance(name, str) else name
    return '' if value is None else f'{value:.{decimals}f}'


def _number(value: float) -> str:
    return f'{value:.1f}' if abs(value) >= 1 else f'{value:.3f}'
