"""tools/train.py and tools/test.py from one end to the other, without a GPU."""

import json
import runpy
import subprocess
import sys

import pytest
import torch
from mmengine.hooks import Hook
from support.engine import ROOT, ToyModel, toy_config

from slan_mm.engine import load_from_file
from slan_mm.registry import HOOKS


def call(monkeypatch, tool, *arguments):
    monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
    return runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')


@pytest.fixture
def config(tmp_path):
    cfg = toy_config(tmp_path / 'unused', 2)
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, {'type': 'TestLoop'}
    cfg.test_evaluator = cfg.val_evaluator
    cfg.auto_scale_lr = {'enable': False, 'base_batch_size': 8}
    cfg.experiment_name = tmp_path.name
    cfg.dump(tmp_path / 'toy.py')
    return tmp_path / 'toy.py'


def test_train_then_test(config, tmp_path, monkeypatch):
    work = tmp_path / 'work'
    call(monkeypatch, 'train.py', config, '--work-dir', work, '--amp', '--auto-scale-lr', '--resume')
    trained = load_from_file(str(work / 'iter_2.pth'))
    assert trained['meta']['iter'] == 2
    # The schedule starts at a tenth; a batch of 4 instead of 8 halves the learning rate.
    assert trained['message_hub']['log_scalars']['train/lr']['values'][0] == pytest.approx(0.01 * 0.5 * 0.1)

    out = tmp_path / 'results' / 'metrics.json'
    tested = ['--work-dir', tmp_path / 'test', '--out', out, '--cfg-options', 'experiment_name=toy_test']
    call(monkeypatch, 'test.py', config, work / 'iter_2.pth', *tested)
    assert json.loads(out.read_text()) == {'toy/count': 10.0}


@HOOKS.register_module(force=True)
class FailingHook(Hook):
    """Fails when a test is over."""

    def after_test_epoch(self, runner, metrics=None):
        raise OSError('no space left')


def test_an_evaluation_needs_nothing_of_training_and_loses_no_result(config, tmp_path, monkeypatch):
    weights, out = tmp_path / 'toy.pth', tmp_path / 'results' / 'metrics.json'
    torch.save({'state_dict': ToyModel().state_dict(), 'meta': {'iter': 77}}, weights)
    settings = ['train_dataloader.dataset.type=NoSuchData', f'experiment_name={tmp_path.name}_test']
    tested = ['--work-dir', tmp_path / 'test', '--out', out, '--cfg-options', *settings]
    call(monkeypatch, 'test.py', config, weights, *tested, 'default_hooks.record.type=RunRecordHook')
    assert json.loads((tmp_path / 'test' / 'run.json').read_text())['steps'] == 77
    out.unlink()
    with pytest.raises(OSError, match='no space left'):
        call(monkeypatch, 'test.py', config, weights, *tested, 'default_hooks.failing.type=FailingHook')
    assert json.loads(out.read_text()) == {'toy/count': 10.0}


def test_weights_of_another_model_are_refused(config, tmp_path, monkeypatch):
    weights = tmp_path / 'other.pth'
    torch.save({'state_dict': {'another.weight': torch.zeros(1)}}, weights)
    with pytest.raises(SystemExit, match='test: .*another.weight.*Give the weights of this model'):
        call(monkeypatch, 'test.py', config, weights, '--work-dir', tmp_path / 'test')


@pytest.mark.parametrize(
    ('setting', 'said'),
    [
        ('optim_wrapper.optimizer.lr=abc', 'AdamW cannot be built: TypeError'),
        ('train_dataloader.batch_size=0', 'dataloader cannot be built: ValueError: batch_size should be'),
        ('model.type=ToyModle', "'ToyModle' is no registered model; is 'ToyModel' meant"),
        ('log_level.x=1', r'log_level\.x=1 cannot be set in .*toy\.py'),
        ('train_dataloader.dataset.lengths=3', "is 'length' meant"),
        ('load_from=gone.pth', r'no checkpoint gone\.pth'),
    ],
)
def test_a_wrong_setting_ends_a_training_in_one_line(config, tmp_path, monkeypatch, setting, said):
    monkeypatch.delenv('SLAN_DEBUG', raising=False)
    with pytest.raises(SystemExit, match=f'^train: .*{said}') as told:
        call(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'work', '--cfg-options', setting)
    assert '\n' not in told.value.code


def test_out_must_be_json(config, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        call(monkeypatch, 'test.py', config, 'none.pth', '--out', 'x.pkl')
    assert 'x.pkl does not end in .json' in capsys.readouterr().err


def test_resume_takes_a_checkpoint_auto_or_nothing(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['train.py'])
    parse = runpy.run_path(str(ROOT / 'tools' / 'train.py'))['parse_options']
    assert parse(['c.py']).resume is None
    assert parse(['c.py', '--resume']).resume == 'auto'
    assert parse(['c.py', '--resume', 'auto']).resume == 'auto'
    assert parse(['c.py', '--resume', 'iter_1.pth']).resume == 'iter_1.pth'


SCRIPTS = [*sorted((ROOT / 'tools').glob('*.sh')), ROOT / '.ci' / 'run']


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_parse(script):
    assert subprocess.run(['bash', '-n', str(script)], check=False).returncode == 0


def test_slurm_gets_one_task_a_gpu(tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    environment = {'PATH': f'{tmp_path}:/usr/bin:/bin', 'GPUS': '16', 'SRUN_ARGS': '--exclusive --mem 4G'}
    command = ['bash', str(ROOT / 'tools' / 'slurm_train.sh'), 'part', 'job', 'c.py', 'work', '--amp']
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert '-p part --job-name=job --gres=gpu:8 --ntasks=16 --ntasks-per-node=8' in done.stdout
    assert '--exclusive --mem 4G python -u' in done.stdout
    assert done.stdout.rstrip().endswith('tools/train.py c.py --work-dir work --launcher slurm --amp')


@pytest.mark.parametrize(
    ('tool', 'arguments', 'line'),
    [
        ('train.py', ['nope.py'], 'train: no config nope.py'),
        (
            'train.py',
            ['{config}', '--cfg-options', 'train_cgf.max_iters=1'],
            "no 'train_cgf'; is 'train_cfg' meant?",
        ),
        ('train.py', ['{config}', '--cfg-options', 'model.type=ToyModle'], "'ToyModle' is no registered model"),
        ('train.py', ['{config}', '--cfg-options', 'load_from=nope.pth'], 'train: no checkpoint nope.pth: give a '),
        ('train.py', ['{config}', '--resume', 'nope.pth'], 'train: --resume: no checkpoint nope.pth'),
        ('test.py', ['{config}', 'nope.pth'], 'test: no checkpoint nope.pth: give a '),
        ('test.py', ['nope.py', 'nope.pth'], 'test: no config nope.py'),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith('.py') else '',
)
def test_a_mistake_is_one_line(config, tmp_path, monkeypatch, tool, arguments, line):
    arguments = [argument.format(config=config) for argument in arguments]
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, tool, *arguments, '--work-dir', tmp_path / 'work')
    told = ended.value.code
    assert line in told and '\n' not in told
