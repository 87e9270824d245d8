"""The metrics of a run as a table for people, each beside what chance would give."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

#: Name for people, metric, what chance gives (a metric), the same before any adaptor (a metric).
_ROWS: list[tuple[str, str, str | None, str | None]] = [
    ('picture -> text, R@1, re-ranked by ITM', 'retrieval/i2t_R1', 'retrieval/chance_R1', None),
    ('picture -> text, R@1, without ITM', 'retrieval_shortlist/i2t_R1', 'retrieval/chance_R1', None),
    ('picture -> text, R@1, ITC alone', 'retrieval_itc/i2t_R1', 'retrieval/chance_R1', None),
    ('text -> picture, R@1, re-ranked by ITM', 'retrieval/t2i_R1', 'retrieval/chance_R1', None),
    ('text -> picture, R@1, without ITM', 'retrieval_shortlist/t2i_R1', 'retrieval/chance_R1', None),
    ('text -> picture, R@1, ITC alone', 'retrieval_itc/t2i_R1', 'retrieval/chance_R1', None),
    ('phrase -> pointing accuracy', 'grounding/pointing', 'grounding/pointing_center', 'grounding/pointing_level0'),
    ('phrase -> box, R@1 at IoU .5', 'grounding/R1', 'grounding/R1_center', 'grounding/R1_level0'),
    ('phrase -> box, R@5 at IoU .5', 'grounding/R5', 'grounding/R1_center', 'grounding/R5_level0'),
    ('phrase -> box, mean IoU', 'grounding/mean_iou', 'grounding/mean_iou_center', 'grounding/mean_iou_level0'),
    ('mean side of kept regions', 'regions/mean_side', None, None),
    ('mean pairwise IoU of kept regions', 'regions/pairwise_iou', None, None),
]

_CHANCE = 'one picture or text drawn by lot; for phrases, a centred box of half the sides.'


def summary_table(metrics: Mapping[str, float]) -> str:
    """A table of retrieval and grounding metrics; those that a run does not have are left out.

    Args:
        metrics: By name, as ``RetrievalEvaluator`` and ``GroundingMetric`` give them; ``retrieval/chance_R1`` in
            percent, where it is known. Chance of grounding is a centred box of half the image's sides.

    Returns:
        The table in lines, without colours.
    """
    table = Table(box=SIMPLE_HEAD)
    table.add_column('')
    for name in ('result', 'chance', 'before any adaptor'):
        table.add_column(name, justify='right')

    def cell(name: str | None) -> str:
        if name is None or name not in metrics:
            return ''
        return f'{metrics[name]:.1f}' if _is_percent(name) else f'{metrics[name]:.2f}'

    for title, *names in _ROWS:
        if names[0] in metrics:
            table.add_row(title, *map(cell, names))
    if 'train_eval_minutes' in metrics:
        table.add_row('training and evaluation, minutes', f'{metrics["train_eval_minutes"]:.1f}', '', '')
    # Of a fixed width: a narrow terminal must not cut numbers.
    text = io.StringIO()
    Console(file=text, width=100, color_system=None).print(table)
    lines = [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]
    return '\n'.join([*lines, f'  Chance: {_CHANCE}'])


def _is_percent(name: str) -> bool:
    measure = name.split('/')[-1]
    return 'R1' in measure or 'R5' in measure or measure.startswith('pointing')
