"""Tables from records: what stands in them is what the records say, and nothing is made up."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRID = """
base: configs/pretrain/slan_tiny_shapes.py
max_minutes: 1
options: {train_cfg.max_iters: 8}
metrics: {pointing: grounding/pointing, mean IoU: grounding/mean_iou, i2t: retrieval/i2t_R1}
baselines: {grounding/pointing: grounding/pointing_center, retrieval/i2t_R1: 1/images}
rows:
  default: {label: the default}
  two: {label: two levels, cut: {model.locator.adaptors: 2}}
tables:
  - {title: Levels, note: Said before., seeds: [0, 1], rows: [default, two]}
"""


@pytest.fixture
def tool(tmp_path):
    tool = runpy.run_path(str(ROOT / 'tools/analysis/make_results.py'))
    # Paths in a page start at the root of the repository.
    tool['render'].__globals__['ROOT'] = tmp_path
    (tmp_path / 'grid.yaml').write_text(GRID)
    (tmp_path / 'runs').mkdir()
    return tool


def record(seed=0, pointing=80.0, cut=None, **changes):
    ablation = dict(
        row='any',
        config='configs/pretrain/slan_tiny_shapes.py',
        options={'train_cfg.max_iters': 8},
        cut=cut or {},
        seed=seed,
        smoke=False,
    )
    test = {'grounding/pointing': pointing, 'grounding/mean_iou': 0.5, 'grounding/pointing_center': 16.84}
    return (
        dict(
            config='configs/pretrain/slan_tiny_shapes.py',
            commit='0123456789abcdef',
            seed=seed,
            steps=8,
            threads=1,
            processes=1,
            train_seconds=90.0 + 60 * seed,
            finished=True,
            test={**test, 'retrieval/i2t_R1': 20.0},
            galleries=dict(retrieval=dict(images=500, texts=500)),
            ablation=ablation,
        )
        | changes
    )


def write(folder, **records):
    for name, value in records.items():
        (folder / 'runs' / f'{name.replace("_", "-")}.json').write_text(json.dumps(value))


PAGE = 'Before.\n<!-- results: {} -->\nold\n<!-- /results -->\nAfter.\n'


def test_a_row_is_the_mean_and_the_spread_of_its_seeds(tool, tmp_path):
    write(tmp_path, default_seed0=record(0, 80.0), default_seed1=record(1, 84.0))
    page = tool['render'](PAGE.format('ablations grid.yaml runs'))
    assert page.startswith('Before.\n') and page.endswith('After.\n') and 'old' not in page
    lines = page.splitlines()
    # Means of 80 and 84; the sample deviation is 2 times the root of 2. Equal values have none.
    assert '| the default | 2 | 82.0 ± 2.8 | 0.500 ± 0.000 | 20.0 ± 0.0 |' in lines
    assert '| two levels | not run |  |  |  |' in lines
    assert '### Levels' in lines
    assert '| *chance or baseline* |  | 16.8 |  | 0.2 |' in lines
    assert '2 runs; commit 0123456789ab; 8 steps; 1 x 1 (processes x threads); 1.5 to 2.5 minutes of training.' in lines
    assert (
        lines.index('### Levels')
        < lines.index('Said before.')
        < lines.index('|  | seeds | pointing | mean IoU | i2t |')
    )
    assert tool['render'](page) == page, 'made again, it is the same'


def test_rows_are_compared_with_the_first_seed_by_seed(tool, tmp_path):
    """By hand: 80 and 84 against 70 and 76 differ by -10 and -8, whose spread is less than that of either row."""
    cut = {'model.locator.adaptors': 2}
    write(tmp_path, default_seed0=record(0, 80.0), default_seed1=record(1, 84.0))
    write(tmp_path, two_seed0=record(0, 70.0, cut))
    row = '| two levels | 1 | 70.0 (-10.0) | 0.500 (+0.000) | 20.0 (+0.0) |'
    assert row in tool['render'](PAGE.format('ablations grid.yaml runs'))
    write(tmp_path, two_seed1=record(1, 76.0, cut))
    page = tool['render'](PAGE.format('ablations grid.yaml runs'))
    assert '| two levels | 73.0 (-9.0 ± 1.4) | 0.500 (+0.000 ± 0.000) | 20.0 (+0.0 ± 0.0) |' in page
    assert '### Levels (seeds: 2)' in page, 'where all rows have as many'


def test_one_seed_has_no_spread_and_others_do_not_count(tool, tmp_path):
    write(tmp_path, default_seed1=record(1, 84.0), default_seed7=record(7, 1.0))
    assert '| the default | 1 | 84.0 | 0.500 | 20.0 |' in tool['render'](PAGE.format('ablations grid.yaml runs'))


def test_a_gpu_is_named(tool, tmp_path):
    (tmp_path / 'other').mkdir()
    write(tmp_path, a=record(0), b=record(1, device='cpu'))
    (tmp_path / 'other/c.json').write_text(json.dumps(record(0, device='A GPU')))
    page = tool['render'](PAGE.format('runs runs other'))
    assert page.count('| 1 x 1 |') == 1 and page.count('| 1 x 1, A GPU |') == 1
    page = tool['render'](PAGE.format('runs runs'))
    assert '1 x 1 (processes x threads).' in page and '| 1 x 1' not in page, 'said once where all have the same'


def test_settings_that_a_row_goes_without_are_not_asked_of_its_record(tool, tmp_path):
    grid = GRID.replace('cut: {model.locator.adaptors: 2}', 'without: [train_cfg.max_iters]')
    (tmp_path / 'grid.yaml').write_text(grid)
    write(tmp_path, two_seed0=record(ablation={**record()['ablation'], 'options': {}}))
    assert '| two levels | 1 | 80.0 | 0.500 | 20.0 |' in tool['render'](PAGE.format('ablations grid.yaml runs'))


OVERVIEW = """
overview:
  'grounding: pointing':
    {metric: grounding/pointing, from nothing: default, pre-trained: two, other: null, baseline: chance}
"""


def test_an_overview_has_a_line_a_task_and_what_the_second_column_gains(tool, tmp_path):
    """By hand: 90 and 96 are 10 and 12 above 80 and 84."""
    (tmp_path / 'grid.yaml').write_text(GRID + OVERVIEW)
    cut = {'model.locator.adaptors': 2}
    write(tmp_path, default_seed0=record(0, 80.0), default_seed1=record(1, 84.0))
    line = '| grounding: pointing | 82.0 ± 2.8 | {} |  | 16.8 | {} |'
    assert line.format('not run', '') in tool['render'](PAGE.format('overview grid.yaml runs'))
    write(tmp_path, two_seed0=record(0, 90.0, cut), two_seed1=record(1, 96.0, cut))
    page = tool['render'](PAGE.format('overview grid.yaml runs'))
    assert line.format('93.0 ± 4.2', '+11.0 ± 1.4') in page
    assert '|  | from nothing | pre-trained | other | baseline | pre-trained less from nothing |' in page


def test_one_table_of_a_grid(tool, tmp_path):
    more = '  - {title: One level, seeds: [0], rows: [two]}\n'
    (tmp_path / 'grid.yaml').write_text(GRID + more)
    cut = {'model.locator.adaptors': 2}
    write(tmp_path, default_seed0=record(0, 80.0), two_seed0=record(0, 70.0, cut))
    page = tool['render'](PAGE.format('table grid.yaml runs One level'))
    assert '**One level (seeds: 1)**' in page and '| two levels | 70.0 |' in page
    assert '1 runs; commit' in page and 'the default' not in page
    with pytest.raises(ValueError, match='the grid has no overview'):
        tool['render'](PAGE.format('overview grid.yaml runs'))
    with pytest.raises(ValueError, match=r"no table 'Nothing', only \['Levels', 'One level'\]"):
        tool['render'](PAGE.format('table grid.yaml runs Nothing'))


def test_without_records_a_page_says_so(tool):
    assert 'No run of this grid is recorded yet.' in tool['render'](PAGE.format('ablations grid.yaml nowhere'))
    assert 'No run is recorded yet.' in tool['render'](PAGE.format('runs nowhere'))


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(finished=False), 'did not finish'),
        (dict(commit=None), 'lacks commit'),
        (dict(ablation={**record()['ablation'], 'cut': {'x': 1}}), 'row default, seed 0, is of other settings'),
        (dict(ablation={**record()['ablation'], 'smoke': True}), 'other settings'),
        (dict(ablation={**record()['ablation'], 'options': {}}), 'other settings'),
    ],
)
def test_records_that_prove_nothing_are_refused(tool, tmp_path, changes, said):
    write(tmp_path, default_seed0=record(**changes))
    (tmp_path / 'grid.yaml').write_text(GRID + OVERVIEW)
    for block in ('ablations grid.yaml runs', 'table grid.yaml runs Levels', 'overview grid.yaml runs'):
        with pytest.raises(ValueError, match=said):
            tool['render'](PAGE.format(block))


def test_runs_on_different_data_are_not_compared(tool, tmp_path):
    other = dict(galleries=dict(retrieval=dict(images=1000, texts=5000)))
    write(tmp_path, default_seed0=record(0), default_seed1=record(1, **other))
    with pytest.raises(ValueError, match='different data'):
        tool['render'](PAGE.format('ablations grid.yaml runs'))


def test_a_folder_of_runs_is_a_row_and_a_column(tool, tmp_path):
    (tmp_path / 'longer').mkdir()
    write(tmp_path, a=record(0, 80.0), b=record(1, 84.0))
    (tmp_path / 'longer/c.json').write_text(json.dumps(record(0, 70.0, steps=16)))
    lines = tool['render'](PAGE.format('runs runs longer')).splitlines()
    commits = '0123456789ab, 0123456789ab'
    assert f'| `runs` | `configs/pretrain/slan_tiny_shapes.py` | 8 | {commits} | 0, 1 | 1.5, 2.5 |' in lines
    assert '|  | `runs` | `longer` | chance or baseline |' in lines
    assert '| `grounding/pointing` | 82.0 ± 2.8 | 70.0 | 16.8 |' in lines
    assert not any('pairwise_iou' in line for line in lines), 'what no run has is left out'


def test_runs_of_a_column_differ_in_their_seeds_only(tool, tmp_path):
    write(tmp_path, a=record(0), b=record(1, steps=16))
    with pytest.raises(ValueError, match='runs in runs differ in more than their seeds'):
        tool['render'](PAGE.format('runs runs'))


def test_check_tells_a_page_that_is_not_up_to_date(tool, tmp_path, capsys):
    write(tmp_path, default_seed0=record())
    page = tmp_path / 'page.md'
    page.write_text(PAGE.format('ablations grid.yaml runs'))
    with pytest.raises(SystemExit, match='not up to date'):
        tool['main']([str(page), '--check'])
    tool['main']([str(page)])
    assert 'changed' in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        tool['main']([str(page), '--check'])
    assert not done.value.code
    page.write_text('no place')
    with pytest.raises(SystemExit, match='no place for a table'):
        tool['main']([str(page)])


PAGES = [path for path in sorted((ROOT / 'docs').rglob('*.md')) if '\n<!-- results:' in path.read_text()]


@pytest.mark.parametrize('page', PAGES, ids=lambda path: path.name)
def test_committed_pages_are_up_to_date(page):
    tool = runpy.run_path(str(ROOT / 'tools/analysis/make_results.py'))
    assert tool['render'](page.read_text()) == page.read_text()


def test_there_are_such_pages():
    assert 'ablations.md' in [page.name for page in PAGES]
