"""The grid of ablations: how it is read, that every row runs, and that a call goes on where another stopped."""

import functools
import json
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ablation_grid import expand, read_grid, row_config
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from support.shrink import shrink

from slan_mm.engine.checkpoint_io import load_from_file, resumable_checkpoints
from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]
GRID = ROOT / 'configs/ablation/grid.yaml'
SMALL = """
base: configs/pretrain/slan_tiny_shapes.py
max_minutes: 1
metrics: {R@1: grounding/R1}
options: {train_cfg.max_iters: 8}
rows:
  default: {label: the default}
  two: {cut: {model.locator.adaptors: 2}, options: {model.locator.adaptors.*.embedding: replace}}
  loaded: {after: first, options: {load_from: '{after}'}}
  first:
tables:
  - {title: A, seeds: [0, 1], rows: [default, two]}
  - {title: B, seeds: [3], rows: [default, loaded]}
"""


@pytest.fixture(scope='module')
def tool():
    threads = torch.get_num_threads()
    yield runpy.run_path(str(ROOT / 'tools/analysis/run_ablations.py'))
    torch.set_num_threads(threads)


@pytest.fixture
def grid(tmp_path):
    def read(text=SMALL):
        (tmp_path / 'grid.yaml').write_text(text)
        return read_grid(tmp_path / 'grid.yaml')

    return read


def names(runs):
    return [f'{row.name}-seed{seed}' for row, seed in runs]


def test_runs_are_of_all_seeds_of_all_tables_and_in_order(grid):
    # `first` waits for nothing, though it stands last; it is run with the seed of the row that waits for it.
    assert names(grid().runs()) == [
        *(f'default-seed{seed}' for seed in (0, 1, 3)),
        *('two-seed0', 'two-seed1', 'first-seed3', 'loaded-seed3'),
    ]


def test_settings_of_a_row(grid):
    grid = grid()
    cfg = row_config(grid, grid.rows['two'], 5)
    assert cfg.train_cfg.max_iters == 8 and cfg.randomness.seed == 5
    assert [adaptor.embedding for adaptor in cfg.model.locator.adaptors] == ['replace'] * 2
    assert row_config(grid, grid.rows['loaded'], 0, 'a.pth').load_from == 'a.pth'
    with pytest.raises(ValueError, match='checkpoint of the row'):
        row_config(grid, grid.rows['loaded'], 0)
    without = replace(grid.rows['two'], without=['train_cfg.max_iters'])
    assert row_config(grid, without, 5).train_cfg.max_iters != 8
    nested = Config(dict(a=[dict(b=[1, 2]), dict(b=[3])]))
    assert expand({'a.*.b': 0, 'c': 1}, nested) == {'a.0.b': 0, 'a.1.b': 0, 'c': 1}


def test_rows_are_chosen_by_their_names_or_how_they_begin(tool, grid):
    chosen = functools.partial(tool['chosen_runs'], grid(), seeds=[0])
    assert names(chosen(['two'])) == ['two-seed0']
    assert names(chosen(['t*', 'default'])) == ['default-seed0', 'two-seed0']
    # Those that others wait for come along.
    assert names(tool['chosen_runs'](grid(), ['load*'], None)) == ['first-seed3', 'loaded-seed3']
    with pytest.raises(SystemExit, match=r"no rows \['x\*'\]"):
        chosen(['x*', 'two'])


def test_rows_wait_for_the_row_that_the_grid_names(grid):
    rows = grid(SMALL.replace('rows:\n', 'after: first\nrows:\n', 1).replace('first:\n', 'first: {after: null}\n')).rows
    assert {name: row.after for name, row in rows.items()} == dict(
        default='first', two='first', loaded='first', first=None
    )


@pytest.mark.parametrize(
    ('old', 'new', 'said'),
    [
        ('max_minutes: 1', 'minutes: 1', r"unknown keys \['minutes'\]"),
        ('{R@1: grounding/R1}', '{true: grounding/R1}', r'named \[True\].*in quotes'),
        ('{label: the default}', '{labels: the default}', r"row default.*unknown keys \['labels'\]"),
        ('rows: [default, two]', 'rows: [default, tow]', r"no rows \['tow'\]"),
        ('rows: [default, two]', 'rows: [default]', r"rows \['two'\] are in no table"),
        (
            'tables:',
            'overview: {x: {metric: m, a: tow, b: chance}}\ntables:',
            r"no rows \['tow'\] for the overview of x",
        ),
        (
            'tables:',
            'overview: {x: {metric: m, a: two}, y: {metric: m, b: two}}\ntables:',
            r"overview of y has the columns \['b'\], others have \['a'\]",
        ),
        ('first:\n', 'first: {after: loaded}\n', 'waits for itself'),
        ('first:\n', 'first: {without: [lr]}\n', r"without \['lr'\], which are no settings of all rows"),
    ],
)
def test_mistakes_in_a_grid_are_told(grid, old, new, said):
    assert old in SMALL
    with pytest.raises(ValueError, match=said):
        grid(SMALL.replace(old, new))


@pytest.mark.parametrize('path', sorted((ROOT / 'configs/ablation').glob('*.yaml')), ids=lambda path: path.stem)
def test_rows_of_the_grids_differ(path):
    """A switch that is already the default, or a key that no component reads, would give a row that says nothing."""
    grid = read_grid(path)
    models = {}
    for row in grid.rows.values():
        cfg = row_config(grid, row, 0, f'{row.after}.pth')
        run = [cfg.model, cfg.get('load_from'), cfg.train_cfg, cfg.train_dataloader]
        models[row.name] = json.dumps(run, sort_keys=True)
    twins = [(a, b) for a in models for b in models if a < b and models[a] == models[b]]
    assert not twins


def test_the_shares_compared_are_of_one_size():
    """The tiny models whose parameters stand in other places (grid_share.yaml)."""
    grid, sizes = read_grid(ROOT / 'configs/ablation/grid_share.yaml'), {}
    for name, row in grid.rows.items():
        cfg = row_config(grid, row, 0)
        init_default_scope(cfg.default_scope)
        with torch.device('meta'):
            sizes[name] = sum(p.numel() for p in MODELS.build(cfg.model).parameters())
    assert sizes['separable'] == pytest.approx(sizes['dense'], rel=2e-3)


def test_rows_on_flickr8k_are_of_components_that_are_there():
    """Those on generated data are run below."""
    grid = read_grid(ROOT / 'configs/ablation/grid_flickr8k.yaml')
    for row in grid.rows.values():
        cfg = shrink(row_config(grid, row, 0, f'{row.after}.pth'))
        init_default_scope(cfg.default_scope)
        MODELS.build(cfg.model)


class Done(SimpleNamespace):
    """A process that has ended."""

    def poll(self):
        return self.returncode


def in_this_process(tool, read):
    """Runs the rows one after the other; a checkpoint is written by the rows whose checkpoint is ``read``."""

    def launch(folder):
        if folder.name.removesuffix('-seed0') not in read:
            with open(folder / 'config.py', 'a') as config:
                config.write("\ndefault_hooks['checkpoint'].update(interval=2, save_last=False)\n")
        tool['run_job'](folder)
        return Done(returncode=0)

    return launch


@pytest.fixture
def checkpoints_read_once(monkeypatch):
    """A row reads the checkpoint that it goes on from once a component: half of the time that all rows take."""
    load = CheckpointLoader.load_checkpoint
    read = functools.cache(lambda filename, map_location: load(filename, map_location))
    monkeypatch.setattr(
        CheckpointLoader, 'load_checkpoint', lambda name, map_location=None, _=None: read(name, map_location)
    )


@pytest.mark.usefixtures('checkpoints_read_once')
def test_every_row_runs_at_toy_size(tool, tmp_path):
    """What ``--smoke`` does, in one process; then all rows are done and collected."""
    grid = read_grid(GRID)
    runs = [(row, seed) for row, seed in grid.runs() if seed == 0]
    detectors = 'detector-boxes', 'frozen-detector', 'detector-loaded'
    read = {*detectors, *(row.after for row in grid.rows.values())}
    failed = tool['run_all'](grid, runs, tmp_path, 1, True, in_this_process(tool, read))
    assert failed == {}
    assert len(runs) == len(grid.rows)
    assert tool['collect'](grid, runs, tmp_path, True, tmp_path / 'records') == len(runs)
    every = {metric for table in grid.tables for metric in table.metrics.values()}
    shown = {name for table in grid.tables for name in table.rows}
    for name in shown:
        record = json.loads((tmp_path / 'records' / f'{name}-seed0.json').read_text())
        # Where a picture kept one region only, there is no pair.
        levels = {metric for metric in every if metric.endswith('_level0')}
        assert every - levels - {'regions/pairwise_iou'} <= record['test'].keys()
        assert name == 'adaptors-0' or name == 'frozen-detector' or levels <= record['test'].keys()
        assert record['galleries']['retrieval']['images'] == 4 and record['steps'] == 1 and record['seed'] == 0
        assert record['config'] == grid.rows[name].config and record['finished']
    # The frozen detector is that of the row it waits for, to the bit; its own training would have changed it.
    states = [
        load_from_file(str(resumable_checkpoints(tmp_path / f'{name}-seed0')[0]))['state_dict'] for name in detectors
    ]
    key = 'image_branch.detector.query_embedding.weight'
    assert torch.equal(states[0][key], states[1][key]) and not torch.equal(states[0][key], states[2][key])
    # A second call has nothing to do.
    assert tool['run_all'](grid, runs, tmp_path, 1, True, lambda folder: pytest.fail('started again')) == {}


def test_a_row_of_the_tasks_without_training_is_a_test_of_the_shipped_weights(tool, tmp_path):
    """What all zero-shot rows do; the others train as their configs do, which test_configs.py runs."""
    grid = read_grid(ROOT / 'configs/ablation/grid_tasks.yaml')
    row = grid.rows['grounding-weak']
    folder = tool['prepare'](grid, row, 0, tmp_path, False)
    config = folder / 'config.py'
    config.write_text(config.read_text() + "\ntest_dataloader['grounding']['dataset']['num_images'] = 8\n")
    tool['run_job'](folder)
    record = json.loads((folder / 'run.json').read_text())
    assert record['finished'] and record['steps'] == 0
    # Of 19 phrases; the shipped weights point at 97 % of all.
    assert record['test']['grounding/pointing'] > 60 > 3 * record['test']['grounding/pointing_center']
    shown = {name for table in grid.tables for name in table.rows}
    assert shown == set(grid.rows)


def test_a_call_goes_on_and_tells_what_failed(tool, grid, tmp_path):
    grid = grid()
    runs = grid.runs()
    started = []

    def launch(folder):
        started.append(folder.name)
        # Ends without a record.
        return Done(returncode=1 if folder.name != 'two-seed0' else None, kill=lambda: None, wait=lambda: None)

    slow = replace(grid, max_minutes=1e-9)
    failed = tool['run_all'](slow, runs, tmp_path, 2, True, launch)
    assert failed['default-seed0'].startswith('exit code 1, see')
    assert failed['two-seed0'] == 'took more than 1e-09 minutes'
    assert failed['loaded-seed3'] == 'first-seed3, which it waits for, failed'
    assert 'loaded-seed3' not in started and len(started) == 6
    # They are tried again; one that is finished meanwhile is not.
    folder = tmp_path / 'default-seed0'
    identity = json.loads((folder / 'ablation.json').read_text())
    (folder / 'run.json').write_text(json.dumps(dict(finished=True, test={'x': 1}, ablation=identity)))
    started.clear()
    tool['run_all'](grid, runs[:2], tmp_path, 2, True, launch)
    assert started == ['default-seed1']
    # The same folder with other settings is no run to go on with.
    with pytest.raises(SystemExit, match='other settings'):
        tool['run_all'](grid, runs[:2], tmp_path, 2, False, launch)
    shutil.rmtree(tmp_path / 'default-seed0')


def test_a_run_is_a_process_of_its_own(tool, tmp_path, monkeypatch):
    """The command that is started for a folder, up to what it does there."""
    called = []
    monkeypatch.setattr(tool['subprocess'], 'Popen', lambda command, **options: called.append((command, options)))
    tool['start'](tmp_path)
    command, options = called[0]
    assert command == [sys.executable, str(ROOT / 'tools/analysis/run_ablations.py'), 'job', '--job', str(tmp_path)]
    assert options['env']['OMP_NUM_THREADS'] == '1' and options['stdout'].name == str(tmp_path / 'log')
    assert tool['parse_options'](command[2:]).job == tmp_path
