"""What a run leaves behind for tables of results."""

import json
import shlex
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.engine import ROOT, toy_config

from slan_mm.engine.hooks.metrics_file_hook import MetricsFileHook
from slan_mm.engine.hooks.run_record_hook import RunRecordHook, config_name, current_commit, plain, read_record
from slan_mm.engine.launch import build_runner
from slan_mm.text_files import TextFileError, read_json


def toy(folder, **changes):
    cfg = toy_config(folder, 4, default_hooks__record={'type': 'RunRecordHook'}, **changes)
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, {'type': 'TestLoop'}
    cfg.test_evaluator = cfg.val_evaluator
    return cfg


def test_a_run_is_told_from_its_start_to_its_test(tmp_path, monkeypatch):
    runner = build_runner(toy(tmp_path))
    # A clock by which an iteration takes two seconds.
    clock = SimpleNamespace(monotonic=lambda: 5.0 + 2 * runner.iter)
    monkeypatch.setattr('slan_mm.engine.hooks.run_record_hook.time', clock)
    runner.train()
    record = read_record(tmp_path)
    assert record['seed'] == 3 and record['steps'] == 4 and record['finished']
    assert record['commit'] == current_commit()
    assert record['parameters'] == sum(parameter.numel() for parameter in runner.model.parameters())
    assert record['train_seconds'] == 8.0 and record['threads'] == torch.get_num_threads()
    assert record['device'] == (torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu')
    assert record['val'] == {'toy/count': 10.0, 'iteration': 4} and 'test' not in record
    runner.test()
    record = read_record(tmp_path)
    assert record['test'] == {'toy/count': 10.0} and record['test_checkpoint'] is None and record['finished']


def test_the_command_is_kept_with_its_options(tmp_path, monkeypatch):
    root = ROOT
    options = ['--work-dir', str(tmp_path), '--cfg-options', 'model.a=[1, 2]']
    monkeypatch.setattr('sys.argv', [str(root / 'tools/train.py'), str(root / 'configs/c.py'), *options])
    build_runner(toy(tmp_path)).train()
    kept = read_record(tmp_path)['command']
    assert kept.startswith('python tools/train.py configs/c.py --work-dir ')
    assert shlex.split(kept)[3:] == options
    monkeypatch.setattr('sys.argv', ['tools/test.py', 'c.py'])
    build_runner(toy(tmp_path, load_from=str(tmp_path))).test()
    record = read_record(tmp_path)
    assert record['command'] == kept and record['test_checkpoint'] == 'iter_4.pth'


def test_a_test_needs_nothing_of_training(tmp_path):
    build_runner(toy(tmp_path)).train()
    cfg = toy(tmp_path / 'alone', load_from=str(tmp_path / 'iter_4.pth'))
    cfg.train_dataloader.dataset = {'type': 'NoSuchDataset'}
    build_runner(cfg).test()
    record = read_record(tmp_path / 'alone')
    assert record['steps'] == 4 and record['test'] == {'toy/count': 10.0}


def test_a_test_of_its_own_joins_the_record_of_the_training(tmp_path):
    build_runner(toy(tmp_path)).train()
    seconds = read_record(tmp_path)['train_seconds']
    build_runner(toy(tmp_path, load_from=str(tmp_path / 'iter_4.pth'))).test()
    record = read_record(tmp_path)
    assert record['test_checkpoint'] == 'iter_4.pth' and record['train_seconds'] == seconds and record['finished']
    build_runner(toy(tmp_path / 'alone', load_from=str(tmp_path / 'iter_4.pth'))).test()
    alone = read_record(tmp_path / 'alone')
    assert alone['test'] == record['test'] and 'finished' not in alone and alone['seed'] == 3


def fake(iteration, folder):
    cfg = SimpleNamespace(filename=None)
    model = torch.nn.Linear(1, 1)
    return SimpleNamespace(
        iter=iteration, max_iters=9, work_dir=str(folder), cfg=cfg, seed=0, world_size=1, model=model
    )


def test_time_before_an_interruption_counts_but_not_that_of_loaded_weights(tmp_path):
    checkpoint = {}
    for iteration, expected in ((5, 300.0), (0, 0.0)):
        hook = RunRecordHook()
        hook.after_load_checkpoint(None, {'train_seconds': 300.0})
        hook.before_train(fake(iteration, tmp_path))
        hook.before_save_checkpoint(None, checkpoint)
        assert expected <= checkpoint['train_seconds'] < expected + 60
    assert not read_record(tmp_path)['finished']


def test_galleries_tell_what_chance_is(tmp_path):
    runner = fake(0, tmp_path)
    gallery = SimpleNamespace(image_ids=['a', 'b'], texts=['x'] * 5)
    evaluators = {'retrieval': SimpleNamespace(gallery=gallery), 'grounding': object()}
    runner.test_loop = SimpleNamespace(evaluator=evaluators)
    runner.cfg = SimpleNamespace(filename='c.py', get=lambda name: 'somewhere/x.pth')
    RunRecordHook().after_test_epoch(runner, {'retrieval/i2t_R1': torch.tensor(50.0).item(), 'note': 'text'})
    record = json.loads((tmp_path / 'run.json').read_text())
    assert record['galleries'] == {'retrieval': {'images': 2, 'texts': 5}}
    assert record['test'] == {'retrieval/i2t_R1': 50.0} and record['test_checkpoint'] == 'x.pth'


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        (None, None),
        (str(ROOT / 'configs/pretrain/slan_tiny_shapes.py'), 'configs/pretrain/slan_tiny_shapes.py'),
        ('/somewhere/else/mine.py', 'mine.py'),
    ],
)
def test_config_names_tell_nothing_of_the_machine(given, kept):
    assert config_name(given) == kept


@pytest.mark.parametrize('content', ['{"steps": ', '[1]', '', '{"steps": NaN}'])
def test_a_damaged_record_costs_no_run(tmp_path, content):
    (tmp_path / 'run.json').write_text(content)
    with pytest.raises(TextFileError, match=r'run\.json'):
        read_record(tmp_path)
    build_runner(toy_config(tmp_path, 2, default_hooks__record={'type': 'RunRecordHook'})).train()
    assert read_record(tmp_path)['finished']
    assert (tmp_path / 'run.json.damaged').read_text() == content


def test_classes_that_a_test_lacks_have_no_number(tmp_path):
    metrics = {'bus_precision': float('nan'), 'dog_precision': np.float32(0.5), 'mAP': float('inf'), 'text': 'x'}
    assert plain(metrics) == {'dog_precision': 0.5}
    MetricsFileHook(str(tmp_path / 'metrics.json')).after_test_epoch(None, metrics)
    assert read_json(tmp_path / 'metrics.json') == dict(bus_precision=None, dog_precision=0.5, mAP=None, text='x')
