"""The report of a run: what each filter kept, how many boxes there are, how they look, and how precise they are."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.pseudo_labels.filters import FILTERS, labels_of
from slan_mm.pseudo_labels.labelling import CURVES, SIZES, Labelling, Tally
from slan_mm.visualization.html import Html, note_html, table_html
from slan_mm.visualization.html_page import write_page
from slan_mm.visualization.jpeg import data_uri, to_jpeg

#: Pictures of a row of the montage, and their side in pixels.
SHOWN, SIDE = 6, 112
TOLD = 10  # unreadable pictures that are named


def percent(value: float | None) -> str:
    """A share in percent; a dash where there is none."""
    return '-' if value is None else f'{100 * value:.1f} %'


def describe(tally: Tally) -> str:
    """The run in a few lines."""
    lines = [
        f'{tally.pictures} pictures, {len(tally.unreadable)} unreadable, {tally.left_out.total()} left out; '
        f'{tally.named} named objects',
        f'{tally.labels.total()} labels cover {percent(tally.covered / max(tally.named, 1))} of the named objects',
    ]
    lines += [f'unreadable: {reason}' for reason in tally.unreadable[:TOLD]]
    if len(tally.unreadable) > TOLD:
        lines.append(f'and {len(tally.unreadable) - TOLD} more, see report.json')
    lines += [f'left out: {number} pictures, {reason}' for reason, number in tally.left_out.items()]
    if (choice := tally.choice) is not None:
        reached = choice.precision >= choice.asked
        lines.append(
            f'thresholds were chosen by {choice.labels} labels, of which {percent(choice.precision)} are right'
            + ('' if reached else f': none reach {percent(choice.asked)}, so these are the most precise ones')
        )
    if tally.precision is not None:
        lines.append(
            f'precision {percent(tally.precision)} of {tally.judged.total()} labels in pictures with true boxes that '
            f'chose no threshold; without filters {percent(tally.unfiltered_right / tally.gold_named)}, the whole '
            f'picture {percent(tally.whole_right / tally.gold_named)}'
        )
    return '\n'.join(lines)


def _bar(share: float) -> Html:
    return Html(f'<span class="slan-bar" style="width:{120 * share:.0f}px"></span>')


def _filters(tally: Tally, labelling: Labelling) -> str:
    named, rows = max(tally.named, 1), []
    for name, what in FILTERS.items():
        asked = getattr(labelling.thresholds, name, None)
        if name == 'area':
            asked = f'{labelling.thresholds.min_area:g} to {labelling.thresholds.max_area:g}'
        left = tally.left[name] / named
        rows.append(
            (name, what, '-' if asked is None else str(asked), str(tally.fails[name]), percent(left), _bar(left))
        )
    return table_html('', ('filter', 'asks whether', 'threshold', 'things that fail it', 'left after it', ''), rows)


def _boxes(tally: Tally, labelling: Labelling) -> str:
    sizes = [name for name, _ in SIZES]
    rows = []
    for name in labelling.categories.names:
        own = [tally.labels[name, size] for size in sizes]
        cells = [name, str(sum(own)), *map(str, own)]
        if tally.judged:
            for part in (sizes, *([size] for size in sizes)):
                judged = sum(tally.judged[name, size] for size in part)
                right = sum(tally.right[name, size] for size in part)
                cells.append(f'{percent(right / judged)} of {judged}' if judged else '-')
        rows.append(cells)
    precision = ['precision', *(f'of {size}' for size in sizes)] if tally.judged else []
    return table_html('', ('class', 'labels', *sizes, *precision), rows)


def _thumbnail(picture: np.ndarray, box: Sequence[float], title: str) -> str:
    """A square around the box as an image in the page."""
    x1, y1, x2, y2 = box
    half = 0.75 * max(x2 - x1, y2 - y1, 8)
    left, top = (x1 + x2) / 2 - half, (y1 + y2) / 2 - half
    image = Image.fromarray(picture).crop((int(left), int(top), int(left + 2 * half), int(top + 2 * half)))
    scale = SIDE / max(image.width, 1)
    image = image.resize((SIDE, SIDE))
    corners = [(x1 - left) * scale, (y1 - top) * scale, (x2 - left) * scale, (y2 - top) * scale]
    ImageDraw.Draw(image).rectangle(corners, outline=(255, 0, 255), width=2)
    return f'<img src="{data_uri(to_jpeg(np.asarray(image)))}" title="{escape(title)}" alt="{escape(title)}">'


def _montage(labelling: Labelling, root: Path) -> str:
    """Of each class the surest, the middle and the least sure labels."""
    sure: dict[str, list[float]] = defaultdict(list)
    for record in labelling.judged():
        for number in labels_of(record):
            sure[record['things'][number]['category']].append(record['things'][number]['confidence'])
    middle = {name: float(np.median(values)) for name, values in sure.items()}
    rows: dict[tuple[str, str], list] = defaultdict(list)
    order = 0
    for record in labelling.judged():
        for number in labels_of(record):
            thing, order = record['things'][number], order + 1
            value, name = thing['confidence'], thing['category']
            what = (record['file_name'], thing['box'], value, record['captions'][thing['caption']])
            for row, key in (('best', value), ('median', -abs(value - middle[name])), ('worst', -value)):
                heap = rows[name, row]
                entry = (key, -order, what)
                (heapq.heappush if len(heap) < SHOWN else heapq.heappushpop)(heap, entry)
    parts = []
    for name in labelling.categories.names:
        parts.append(f'<h3>{escape(name)}</h3>')
        for row in ('best', 'median', 'worst'):
            shown = []
            for _, _, (file_name, box, value, caption) in sorted(rows[name, row], reverse=True):
                try:
                    picture = read_picture(root / file_name)
                except UnreadableImageError:  # it has gone since it was labelled
                    continue
                shown.append(_thumbnail(picture, box, f'{file_name}: {value:.2f}, {caption}'))
            parts.append(note_html(row) + f'<div class="slan-strip">{"".join(shown) or "no label"}</div>')
    return ''.join(parts)


def write_report(labelling: Labelling, out: Path, root: Path) -> None:
    """Writes ``report.json`` and ``report.html``, one file that needs nothing else."""
    tally = labelling.tally
    with replaced_atomically(out / 'report.json') as temporary:
        temporary.write_text(json.dumps(tally.to_dict(), indent=1) + '\n', encoding='utf-8')
    parts = [
        *map(note_html, describe(tally).splitlines()),
        '<h2>Filters</h2>',
        _filters(tally, labelling),
        '<h2>Labels by class and size</h2>',
        _boxes(tally, labelling),
    ]
    if tally.curves:
        parts += ['<h2>Precision and coverage</h2>']
    for name, curve in tally.curves.items():
        rows = [(f'{least:g}', percent(coverage), percent(precision)) for least, coverage, precision in curve]
        caption = (
            'Labels in the half of the pictures with true boxes that chooses no threshold, by this filter, size and '
            'duplicates alone.'
        )
        parts += [table_html(caption, (f'{CURVES[name]} at least', 'coverage', 'precision'), rows)]
    parts += ['<h2>How the labels look</h2>', _montage(labelling, root)]
    write_page(out / 'report.html', 'Pseudo-labels', parts)
