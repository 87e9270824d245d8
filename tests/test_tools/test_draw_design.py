"""The figures of docs/design.md show the code as it is."""

import re
import xml.etree.ElementTree as ET
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from draw_design import CONFIG, MODEL, model_figure, step_figure
from inspecting.walk import Call, Walk, files_of, main, read_walk, returns, stages, vocabulary_of
from support.processes import run_in_process

ROOT = Path(__file__).parents[2]
MENDED = 'draw it again: python tools/analysis/draw_design.py'


@pytest.mark.parametrize('part', [part for stage in MODEL for part in stage.boxes], ids=lambda part: part.symbol)
def test_every_part_of_the_model_is_in_its_file(part):
    assert re.search(rf'^(class|def) {part.symbol}\b', (ROOT / 'slan_mm' / part.file).read_text(), re.MULTILINE)


def test_the_kept_figure_is_of_this_model():
    assert (ROOT / 'docs/images/model.svg').read_text() == model_figure(), MENDED


def printed_walk():
    with redirect_stdout(StringIO()) as printed:
        main([str(ROOT / CONFIG)])
    return printed.getvalue()


@pytest.fixture(scope='module')
def walk():
    """Of a real training step, in a process that has called nothing of slan_mm before."""
    return read_walk(run_in_process(printed_walk))


def test_the_kept_walk_is_that_of_a_step(walk):
    assert (ROOT / 'docs/images/training_step.svg').read_text() == step_figure(walk), MENDED


def test_the_walk_of_a_step_leads_from_the_inputs_to_all_losses(walk):
    names = files_of(walk.calls)
    assert all((ROOT / 'slan_mm' / name).is_file() for name in names)
    assert names[0] == 'models/data_preprocessor.py'
    order = ['models/slan.py', 'models/image/encoder.py', 'models/objectives/contrastive.py', 'models/locator/moves.py',
             'models/objectives/regression.py']  # fmt: skip
    assert [name for name in names if name in order] == order


def test_a_step_reads_in_order_and_never_goes_back_to_an_earlier_stage(walk):
    """As the table of docs/design.md has it. A function that two stages need stands in the first one, or in a file of
    its own."""
    table = re.findall(r'^\| \d+ \|.*?`(models/[a-z_/]+\.py)`', (ROOT / 'docs/design.md').read_text(), re.MULTILINE)
    assert [stage.files[0] for stage in stages(walk)] == table
    assert returns(walk) == 0, [stage for stage in stages(walk) if stage.again]
    assert all((ROOT / 'slan_mm' / name).is_file() for name in vocabulary_of(walk.calls))


def test_a_file_stands_below_its_caller_and_a_stage_has_a_number():
    calls = [
        Call('slan.py', 'loss', ''),
        Call('branch.py', 'forward', 'slan.py'),
        Call('encoder.py', 'extract', 'branch.py'),
        Call('structures.py', 'map', 'encoder.py'),
        Call('loss.py', 'forward', 'slan.py'),
        Call('encoder.py', 'words', 'loss.py'),
    ]
    figure = step_figure(Walk(['slan.py'], calls))
    texts = [element.text for element in ET.fromstring(figure).iter('{http://www.w3.org/2000/svg}text')]
    assert texts[2:] == ['slan.py', 'loss', '1', 'branch.py', 'forward', 'encoder.py', 'extract', '2', 'loss.py',
                         'forward', '4 files in 2 stages, 1 return to an earlier stage',
                         'Vocabulary of all parts: structures.py']  # fmt: skip
    assert [int(x) for x in re.findall(r'<rect x="(\d+)" y="\d+" width="350"', figure)] == [54, 76, 98, 76]
    assert 'prefers-color-scheme: dark' in figure
