"""Lines over iterations as svg within a page, in the page's own colours."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

#: Colours of runs, in turn; to be seen on white and on black.
RUN_COLORS = ('#4c8dff', '#e8590c', '#2f9e44', '#d6336c', '#9c6ade', '#0f8a9d', '#b8860b', '#868e96')
#: Points of a line; of more, means of neighbours are drawn.
MOST_POINTS = 400
_INK = '#010203'  # stands for the page's colour of text
_STYLE = {
    'svg.fonttype': 'none', 'svg.hashsalt': 'slan', 'font.size': 10, 'font.family': 'sans-serif', 'text.color': _INK,
    'axes.edgecolor': '#888888', 'xtick.color': '#888888', 'ytick.color': '#888888', 'xtick.labelcolor': _INK,
    'ytick.labelcolor': _INK, 'axes.labelcolor': _INK,
}  # fmt: skip


def line_plot(title: str, lines: Sequence[Mapping[int, float]]) -> str:
    """The svg of ``lines``, each its values by iteration and in the colour of its place; empty ones are left out.

    Args:
        title: What is drawn; it stands over the plot, and is read to those who do not see it.
        lines: See above.
    """
    said = []
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 2.6), layout='constrained', facecolor='none')
        axes = figure.add_subplot(facecolor='none')
        for number, line in enumerate(lines):
            if not line:
                continue
            steps, values = thinned(sorted(line), [line[step] for step in sorted(line)])
            marker = 'o' if len(steps) < 30 else ''
            axes.plot(
                steps, values, color=RUN_COLORS[number % len(RUN_COLORS)], linewidth=1.4, marker=marker, markersize=3
            )
            said.append(f'{values[-1]:.4g} at the end')
        axes.grid(color='#888888', alpha=0.25, linewidth=0.6)
        axes.spines[['top', 'right']].set_visible(False)
        axes.set_title(title.replace('$', r'\$'), fontsize=10, loc='left')
        file = io.StringIO()
        FigureCanvasSVG(figure).print_svg(file, metadata={'Date': None, 'Creator': None})
    svg = file.getvalue()
    svg = svg[svg.index('<svg') :].replace(_INK, 'currentColor')
    label = escape(f'{title}: {", ".join(said)}')
    return re.sub(r' width="[^"]*" height="[^"]*"', f' class="slan-plot" role="img" aria-label="{label}"', svg, count=1)


def thinned(steps: Sequence[int], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Steps and values as they are, or, of more than ``MOST_POINTS``, means of as many neighbours each."""
    if len(steps) <= MOST_POINTS:
        return [float(step) for step in steps], [float(value) for value in values]
    parts = np.array_split(np.arange(len(steps)), MOST_POINTS)
    means = [(float(np.mean(np.take(steps, part))), float(np.mean(np.take(values, part)))) for part in parts]
    return [step for step, _ in means], [value for _, value in means]
