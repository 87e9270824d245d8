"""The figures of docs/design.md show the code as it is."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from draw_design import CONFIG, MODEL, model_figure, step_figure
from inspecting.walk import Call, files_of, walk_of

ROOT = Path(__file__).parents[2]
MENDED = 'draw it again: python tools/analysis/draw_design.py'


@pytest.mark.parametrize('part', [part for stage in MODEL for part in stage.boxes], ids=lambda part: part.symbol)
def test_every_part_of_the_model_is_in_its_file(part):
    assert re.search(rf'^(class|def) {part.symbol}\b', (ROOT / 'slan_mm' / part.file).read_text(), re.MULTILINE)


def test_the_kept_figure_is_of_this_model():
    assert (ROOT / 'docs/images/model.svg').read_text() == model_figure(), MENDED


@pytest.fixture(scope='module')
def walk():
    """Of a real training step."""
    return walk_of(ROOT, CONFIG)


def test_the_kept_walk_is_that_of_a_step(walk):
    assert (ROOT / 'docs/images/training_step.svg').read_text() == step_figure(walk), MENDED


def test_the_walk_of_a_step_leads_from_the_inputs_to_all_losses(walk):
    names = files_of(walk)
    assert all((ROOT / 'slan_mm' / name).is_file() for name in names)
    assert names[0] == 'models/data_preprocessor.py'
    order = ['models/slan.py', 'models/image/encoder.py', 'models/objectives/contrastive.py', 'models/locator/moves.py',
             'models/objectives/regression.py']  # fmt: skip
    assert [name for name in names if name in order] == order


def test_a_file_stands_below_its_caller_with_its_later_visits():
    steps = [
        Call('slan.py', 'loss', ''),
        Call('base.py', 'encode', 'slan.py'),
        Call('branch.py', 'forward', 'base.py'),
        Call('base.py', 'locate', 'slan.py'),
    ]
    figure = step_figure(steps)
    texts = [element.text for element in ET.fromstring(figure).iter('{http://www.w3.org/2000/svg}text')]
    assert texts[2:] == ['1', 'slan.py', 'loss', '2', 'base.py   +1', 'encode', '3', 'branch.py', 'forward',
                         '3 files, 4 visits, 1 returns to a file']  # fmt: skip
    assert [int(x) for x in re.findall(r'<rect x="(\d+)" y="\d+" width="350"', figure)] == [54, 76, 98]
    assert 'prefers-color-scheme: dark' in figure
