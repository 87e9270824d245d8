"""Runs beside each other as one html page: losses, metrics, speed, and the regions over time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from slan_mm.visualization.html import Html, note_html, table_html
from slan_mm.visualization.html_page import write_page
from slan_mm.visualization.jpeg import data_uri, shrink, to_jpeg
from slan_mm.visualization.line_plot import RUN_COLORS, line_plot
from slan_mm.visualization.run_log import RunLog

#: The parts of the page and which scalars of the training belong to them; the first that fits.
TRAINING = {
    'Losses': r'loss|(.*/)?loss\w*',
    'Learning rate and gradient norm': r'(.*/)?(lr|grad_norm)',
    'Time and memory': r'time|data_time|memory|samples_per_second|(.*/)?throughput\w*',
    'Diagnostics': r'.*',
}
#: Metrics that are seen at once; the others unfold.
MAIN_METRICS = re.compile(
    r'retrieval/(mean_recall|[it]2[it]_R1)|grounding/(R1|pointing|mean_iou)|.*(mAP|mAP_50|CIDEr\w*|accuracy)'
)
#: The longer side of a picture of regions, in pixels.
LONGEST = 1000


def write_dashboard(path: Path, runs: Sequence[RunLog]) -> Path:
    """Writes the page of ``runs``; each has a colour."""
    parts = [_runs_table(runs)]
    metrics = _names(run.val for run in runs)
    main = [name for name in metrics if MAIN_METRICS.fullmatch(name)] or metrics
    parts += _part('Metrics of the validations', [_plot(name, [run.val for run in runs]) for name in main])
    others = [_plot(name, [run.val for run in runs]) for name in metrics if name not in main]
    if others:
        parts.append(f'<details><summary>{len(others)} more metrics</summary>{_grid(others)}</details>')
    # MMEngine logs the learning rate twice: that of the optimizer, and that of the first group of parameters.
    left = [name for name in _names(run.train for run in runs) if name != 'base_lr']
    for title, pattern in TRAINING.items():
        own = [name for name in left if re.fullmatch(pattern, name)]
        left = [name for name in left if name not in own]
        parts += _part(title, [_plot(name, [run.train for run in runs]) for name in own])
    for run in runs:
        if run.pictures:
            parts += [f'<h2>Regions over time: {escape(run.name)}</h2>', *map(_picture, run.pictures.items())]
    return write_page(path, 'Runs' if len(runs) > 1 else f'Run {runs[0].name}', parts)


def _names(scalars: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for own in scalars for name in own))


def _part(title: str, plots: Sequence[str]) -> list[str]:
    return [f'<h2>{escape(title)}</h2>', _grid(plots)] if plots else []


def _grid(plots: Sequence[str]) -> str:
    return f'<div class="slan-plots">{"".join(plots)}</div>'


def _plot(name: str, runs: Sequence[dict]) -> str:
    return line_plot(name, [run.get(name, {}) for run in runs])


def _runs_table(runs: Sequence[RunLog]) -> str:
    rows = []
    for number, run in enumerate(runs):
        record, last = run.record, max((step for line in run.train.values() for step in line), default=0)
        square = f'<span class="slan-key" style="background:{RUN_COLORS[number % len(RUN_COLORS)]}"></span> '
        ended = {'True': 'finished', 'False': 'not finished'}.get(str(record.get('finished')), '')
        seconds = record.get('train_seconds')
        minutes = f'{seconds / 60:.1f} min' if isinstance(seconds, int | float) and seconds else ''
        rows.append(
            [
                Html(square + escape(run.name)), str(record.get('config') or ''), str(record.get('seed', '')),
                f'{last} {ended}', minutes, str(record.get('device') or ''), str(record.get('commit') or '')[:12],
            ]
        )  # fmt: skip
    head = ('run', 'config', 'seed', 'iterations', 'training', 'device', 'commit')
    told = [place for place in range(len(head)) if any(row[place] for row in rows)]
    table = table_html('', [head[place] for place in told], [[row[place] for place in told] for row in rows])
    return table + note_html('A line has the colour of its run. Iterations go to the right.')


def _picture(item: tuple[int, Path]) -> str:
    step, path = item
    what = f'Iteration {step}'
    try:
        with Image.open(path) as image:
            pixels = shrink(np.asarray(image.convert('RGB')), LONGEST)
    except (OSError, SyntaxError, ValueError):
        return f'<h3>{what}</h3>{note_html(f"{path.name} cannot be read.")}'
    return f'<h3>{what}</h3><img class="slan-page-picture" src="{data_uri(to_jpeg(pixels))}" alt="{what}">'
