"""The page of runs."""

import math
import re

import numpy as np
from PIL import Image

from slan_mm.visualization.dashboard import write_dashboard
from slan_mm.visualization.line_plot import MOST_POINTS, RUN_COLORS, line_plot, thinned
from slan_mm.visualization.run_log import RunLog


def run_of(name, **scalars):
    val = {'grounding/R1': {10: 1.0}, 'grounding/R5_level0': {10: 2.0}}
    return RunLog(name, {key: {1: 1.0, 2: value} for key, value in scalars.items()}, val)


def test_every_scalar_has_its_part_once(tmp_path):
    runs = [
        run_of('one', loss=0.5, loss_itc=0.1, lr=1e-3, base_lr=1e-3, grad_norm=2, time=0.1, side_0=0.3),
        run_of('<two>', loss=0.7),
    ]
    path = tmp_path / 'frame.png'
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path)
    runs[0].pictures[100] = path
    runs[0].record = dict(config='configs/x.py', seed=3, finished=True, train_seconds=90.0)
    page = write_dashboard(tmp_path / 'page.html', runs).read_text()
    parts = dict(part.split('</h2>') for part in page.split('<h2>')[1:])
    parts['Metrics of the validations'], others = parts['Metrics of the validations'].split('<details>')
    drawn = {title: re.findall(r'role="img" aria-label="(\S+):', body) for title, body in parts.items()}
    assert drawn == {
        'Metrics of the validations': ['grounding/R1'],
        'Losses': ['loss', 'loss_itc'],
        'Learning rate and gradient norm': ['lr', 'grad_norm'],
        'Time and memory': ['time'],
        'Diagnostics': ['side_0'],
        'Regions over time: one': [],
    }
    assert '1 more metrics' in others and 'grounding/R5_level0' in others
    assert 'base_lr' not in page and page.count('data:image/jpeg') == 1 and '&lt;two&gt;' in page
    head, *rows = re.findall(r'<tr>(.*?)</tr>', page)
    assert re.findall('<th.*?>(.*?)</th>', head) == ['run', 'config', 'seed', 'iterations', 'training']
    assert '2 finished' in rows[0] and '1.5 min' in rows[0]


def test_a_line_keeps_the_colour_of_its_run_and_the_page_its_own():
    svg = line_plot('loss $x$', [{}, {1: 2.0, 2: 0.5}])
    assert RUN_COLORS[1] in svg and RUN_COLORS[0] not in svg
    assert 'aria-label="loss $x$: 0.5 at the end"' in svg and 'currentColor' in svg and '#010203' not in svg
    assert '#ffffff' not in svg, 'a white page would be seen in the dark'


def test_long_lines_are_thinned_to_means():
    steps = list(range(2 * MOST_POINTS))
    few, values = thinned(steps, [float(step % 2) for step in steps])
    assert few == [step + 0.5 for step in steps[::2]] and set(values) == {0.5}
    assert thinned([1, 2], [3.0, math.inf]) == ([1.0, 2.0], [3.0, math.inf])
