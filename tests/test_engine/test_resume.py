"""A run that was killed and resumed ends as if nothing had happened, to the bit."""

import os
import random
import shutil
import signal
from unittest.mock import Mock

import pytest
import torch
from support.engine import ToyPairs, histories, toy_config
from support.processes import exit_code_of_tool
from torch import nn

from slan_mm.engine import SafeCheckpointHook, load_from_file
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.engine.launch import build_runner
from slan_mm.folder_lock import FolderInUseError, FolderLock

ITERATIONS = 12


@pytest.fixture(scope='module')
def straight(tmp_path_factory):
    """Logs and weights of a run that nothing interrupts."""
    runner = build_runner(toy_config(tmp_path_factory.mktemp('straight'), ITERATIONS))
    runner.train()
    return histories(runner), {key: value.clone() for key, value in runner.model.state_dict().items()}


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The folder of a short run."""
    folder = tmp_path_factory.mktemp('trained')
    build_runner(toy_config(folder, 2)).train()
    return folder


def assert_same_end(runner_or_checkpoint, weights, straight):
    expected_logs, expected_weights = straight
    logs = histories(runner_or_checkpoint)
    assert set(logs) >= {'train/loss', 'train/loss_toy', 'train/spread', 'train/grad_norm', 'train/lr'}
    assert logs == expected_logs
    assert all(torch.equal(weights[key], value) for key, value in expected_weights.items())


def interrupt(work_dir, iteration, **changes):
    """Leaves ``work_dir`` as a run interrupted after ``iteration`` does."""
    stop = {'type': 'StopHook', 'iteration': iteration}
    build_runner(toy_config(work_dir, ITERATIONS, default_hooks__stop=stop, **changes)).train()


def test_killed_at_random_iterations_and_resumed(tmp_path, straight):
    config, work_dir = tmp_path / 'toy.py', tmp_path / 'work'
    toy_config(work_dir, ITERATIONS).dump(config)
    command = [str(config), '--work-dir', str(work_dir)]
    draws = random.Random(20)
    kills = [(draws.randint(3, 7), False), (2 * draws.randint(4, 5), True)]
    for iteration, writing in kills:
        hook = {'type': 'KillHook', 'iteration': iteration, 'writing': writing}
        options = [f'default_hooks.kill.{key}={value}' for key, value in hook.items()]
        code = exit_code_of_tool('train.py', *command, '--resume', 'auto', '--cfg-options', *options)
        assert code == -signal.SIGKILL
    assert exit_code_of_tool('train.py', *command, '--resume') == 0
    end = load_from_file(str(work_dir / f'iter_{ITERATIONS}.pth'))
    assert_same_end(end, end['state_dict'], straight)
    assert (work_dir / 'last_checkpoint').read_text() == str(work_dir / f'iter_{ITERATIONS}.pth')


@pytest.mark.parametrize('at', [2, 4, 10])
def test_resumed_from_any_checkpoint(tmp_path, straight, at):
    # 4 is an iteration of validation, whose metric draws random numbers.
    interrupt(tmp_path, at)
    runner = build_runner(toy_config(tmp_path, ITERATIONS, resume='auto'))
    runner.train()
    assert_same_end(runner, runner.model.state_dict(), straight)


def test_worker_processes_change_nothing(tmp_path, straight):
    workers = {'train_dataloader__num_workers': 2, 'train_dataloader__persistent_workers': True}
    interrupt(tmp_path, 7, **workers)
    runner = build_runner(toy_config(tmp_path, ITERATIONS, resume='auto', **workers))
    runner.train()
    assert_same_end(runner, runner.model.state_dict(), straight)


@pytest.mark.parametrize('damage', ['cut', 'block', 'link'])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, straight, damage):
    interrupt(tmp_path, 6)
    newest = tmp_path / 'iter_6.pth'
    content = newest.read_bytes()
    if damage == 'link':
        newest.unlink()
        newest.symlink_to('nowhere')
    else:
        newest.write_bytes(content[:-50] if damage == 'cut' else content[:2000] + bytes(1000) + content[3000:])
    runner = build_runner(toy_config(tmp_path, ITERATIONS, resume='auto'))
    runner.train()
    assert_same_end(runner, runner.model.state_dict(), straight)
    log = next((tmp_path / runner.timestamp).glob('*.log')).read_text()
    assert 'iter_6.pth is truncated or damaged' in log


WARM_UP = {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'end': 3}
COSINE = {'type': 'CosineAnnealingLR', 'by_epoch': False, 'eta_min': 0.0}


def rates(runner):
    return histories(runner)['train/lr']


@pytest.mark.parametrize(
    ('schedule', 'changes'),
    [
        ([COSINE], {}),  # a longer run
        ([WARM_UP, COSINE], {}),
        ([WARM_UP, COSINE], {'optim_wrapper__optimizer__lr': 0.002}),
        ([WARM_UP, {**COSINE, 'eta_min': 0.005}], {}),
        ([{'type': 'MultiStepLR', 'milestones': [2, 8], 'by_epoch': False, 'gamma': 0.5}], {}),
        ([], {}),
    ],
)
def test_a_schedule_that_has_changed_is_followed_from_there_on(tmp_path, schedule, changes, capsys):
    new = {'param_scheduler': schedule, 'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None, **changes}
    whole = build_runner(toy_config(tmp_path / 'whole', 12, **new))
    whole.train()
    old = {**new, 'param_scheduler': [WARM_UP, COSINE], 'optim_wrapper__optimizer__lr': 0.01}
    build_runner(toy_config(tmp_path / 'two', 6, **old)).train()
    runner = build_runner(toy_config(tmp_path / 'two', 12, resume='auto', **new))
    runner.train()
    assert rates(runner)[6:] == rates(whole)[6:] and rates(runner)[:6] != rates(whole)[:6]
    assert 'resumed with the settings of the config: ' in capsys.readouterr().out


def test_settings_of_the_optimizer_are_the_configs(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.engine.resume.settings.print_log', lambda text, *_: said.append(text))
    interrupt(tmp_path, 4)
    changes = {'optim_wrapper__optimizer__weight_decay': 0.3, 'optim_wrapper__optimizer__betas': (0.8, 0.9)}
    runner = build_runner(
        toy_config(tmp_path, 12, resume='auto', default_hooks__stop=dict(type='StopHook', iteration=6), **changes)
    )
    runner.train()
    (group,) = runner.optim_wrapper.param_groups
    assert group['weight_decay'] == 0.3 and group['betas'] == (0.8, 0.9)
    (log,) = said
    assert 'weight_decay 0.3 (checkpoint: 0.01)' in log and 'betas (0.8, 0.9)' in log and 'the schedule' not in log
    build_runner(toy_config(tmp_path, 12, resume='auto', **changes)).train()
    assert len(said) == 1, 'nothing has changed'
    with pytest.raises(ValueError, match='an optimizer of another kind, with'):
        build_runner(toy_config(tmp_path, 13, resume='auto', optim_wrapper__optimizer=dict(type='SGD', lr=0.1))).train()


def test_a_run_that_is_over_is_told(tmp_path, capsys):
    build_runner(toy_config(tmp_path, 6)).train()
    assert 'nothing is trained' not in capsys.readouterr().out
    build_runner(toy_config(tmp_path, 4, resume='auto')).train()
    assert '6 iterations are done and train_cfg asks for 4: nothing is trained' in capsys.readouterr().out


def test_data_that_have_changed_are_told(tmp_path, capsys):
    interrupt(tmp_path, 4)
    assert 'samples and had' not in capsys.readouterr().out
    cfg = toy_config(tmp_path, 6, resume='auto', train_dataloader__dataset__length=11)
    build_runner(cfg).train()
    assert 'the data set has 11 samples and had 10 when the checkpoint was written' in capsys.readouterr().out


def test_nothing_is_loaded_to_be_thrown_away(tmp_path, monkeypatch):
    build_runner(toy_config(tmp_path, 10)).train()
    loaded = []
    original = ToyPairs.__getitem__
    monkeypatch.setattr(ToyPairs, '__getitem__', lambda self, index: loaded.append(index) or original(self, index))
    build_runner(toy_config(tmp_path, 12, resume='auto', val_cfg=None, val_dataloader=None, val_evaluator=None)).train()
    assert len(loaded) == 2 * 4


def test_a_stream_is_opened_where_it_was_left(tmp_path):
    loader = {'batch_size': 4, 'num_workers': 0, 'sampler': None, 'dataset': {'type': 'ToyStream'}}
    straight = build_runner(toy_config(tmp_path / 'a', 8, train_dataloader=loader))
    straight.train()
    changes = {'train_dataloader': loader, 'default_hooks__stop': {'type': 'StopHook', 'iteration': 5}}
    build_runner(toy_config(tmp_path / 'b', 8, **changes)).train()
    resumed = build_runner(toy_config(tmp_path / 'b', 8, resume='auto', train_dataloader=loader))
    resumed.train()
    assert resumed.train_loop.dataloader.dataset.start == 4 * 4
    assert histories(resumed)['train/loss'] == histories(straight)['train/loss']


def test_a_seed_that_was_drawn_is_taken_up_again(tmp_path):
    first = build_runner(toy_config(tmp_path, 4, randomness={'seed': None}))
    first.train()
    second = build_runner(toy_config(tmp_path, 8, randomness={'seed': None}, resume='auto'))
    second.train()
    assert second.train_loop.sampler.seed == first.train_loop.sampler.seed
    assert histories(second)['train/loss'][:4] == histories(first)['train/loss']


def test_another_batch_size_goes_on_behind_the_samples_already_seen(tmp_path):
    build_runner(toy_config(tmp_path, 4)).train()
    runner = build_runner(toy_config(tmp_path, 8, batch_size=2, resume='auto'))
    runner.train()
    assert runner.train_loop.state_dict(8)['position'] == 4 * 4 + 4 * 2


def test_auto_without_a_checkpoint_starts_from_load_from(tmp_path):
    weights = {'layer.weight': torch.full((4, 4), 0.5)}
    torch.save({'state_dict': weights}, tmp_path / 'start.pth')
    runner = build_runner(
        toy_config(
            tmp_path / 'work', 1, resume='auto', load_from=str(tmp_path / 'start.pth'), optim_wrapper__optimizer__lr=0.0
        )
    )
    runner.train()
    assert torch.equal(runner.model.layer.weight, weights['layer.weight'])


def test_a_finished_run_repeats_its_last_validation_only(tmp_path):
    build_runner(toy_config(tmp_path, 4)).train()
    runner = build_runner(toy_config(tmp_path, 4, resume='auto'))
    runner.train()
    assert runner.message_hub.get_scalar('val/toy/count').current() == 10
    assert len(histories(runner)['train/loss']) == 4


def test_weights_that_do_not_fit_are_an_error(tmp_path):
    build_runner(toy_config(tmp_path, 2)).train()
    runner = build_runner(toy_config(tmp_path, 4, resume='auto'))
    runner.model.extra = nn.Linear(1, 1)
    with pytest.raises(RuntimeError, match=r'extra\.weight'):
        runner.train()


def test_old_checkpoints_go_and_the_best_stays(tmp_path):
    changes = {'default_hooks__checkpoint__save_best': 'toy/count', 'default_hooks__checkpoint__rule': 'greater'}
    build_runner(toy_config(tmp_path, 8, **changes)).train()
    kept = sorted(path.name for path in tmp_path.glob('*.pth'))
    assert kept == ['best_toy_count_iter_4.pth', 'iter_6.pth', 'iter_8.pth']
    assert [path.name for path in tmp_path.glob('.*')] == ['.lock']


def test_the_best_is_named_and_the_old_one_goes_after_the_new_one(tmp_path, monkeypatch):
    changes = {'default_hooks__checkpoint__save_best': 'toy/count', 'default_hooks__checkpoint__rule': 'greater'}
    runner = build_runner(toy_config(tmp_path, 4, **changes))
    runner.train()
    (hook,) = [hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)]
    best = find_checkpoint(tmp_path)
    assert best.name == 'best_toy_count_iter_4.pth'
    assert find_checkpoint(tmp_path / 'last_checkpoint').name == 'iter_4.pth'

    def evaluated(iteration, score):
        monkeypatch.setattr(type(runner.train_loop), 'iter', iteration)
        hook.after_val_epoch(runner, {'toy/count': score})

    evaluated(5, 10.0)
    assert find_checkpoint(tmp_path) == best and hook.best_ckpt_path == str(best)
    evaluated(6, 11.0)
    better = find_checkpoint(tmp_path)
    assert better.name == 'best_toy_count_iter_6.pth' and not best.exists()
    monkeypatch.setattr(type(runner), 'save_checkpoint', Mock(side_effect=OSError('disk full')))
    with pytest.raises(OSError, match='disk full'):
        evaluated(7, 12.0)
    assert find_checkpoint(tmp_path) == better and better.is_file()
    # Another run in the folder has no best one yet.
    monkeypatch.undo()
    build_runner(toy_config(tmp_path, 2, val_cfg=None, val_dataloader=None, val_evaluator=None)).train()
    assert find_checkpoint(tmp_path).name == 'iter_2.pth'


def test_a_new_checkpoint_is_whole_before_an_old_one_goes(tmp_path, monkeypatch):
    cfg = toy_config(tmp_path, 4, default_hooks__checkpoint__max_keep_ckpts=1)
    seen = []
    original = os.replace

    def watch(source, target):
        if str(target).endswith('iter_4.pth'):
            seen.append((tmp_path / 'iter_2.pth').exists())
        original(source, target)

    monkeypatch.setattr(os, 'replace', watch)
    build_runner(cfg).train()
    assert seen == [True]
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_4.pth']


def test_checkpoints_between_accumulated_gradients_are_refused(tmp_path):
    runner = build_runner(toy_config(tmp_path, 6, optim_wrapper__accumulative_counts=3))
    with pytest.raises(ValueError, match='interval=2 is no multiple of optim_wrapper.accumulative_counts=3'):
        runner.train()


def test_accumulated_gradients_resume_exactly(tmp_path):
    changes = {'optim_wrapper__accumulative_counts': 2}
    straight = build_runner(toy_config(tmp_path / 'a', 8, **changes))
    straight.train()
    build_runner(toy_config(tmp_path / 'b', 4, **changes)).train()
    resumed = build_runner(toy_config(tmp_path / 'b', 8, resume='auto', **changes))
    resumed.train()
    assert histories(resumed)['train/loss'] == histories(straight)['train/loss']


def test_two_trainings_do_not_share_a_folder(tmp_path):
    out = {'default_hooks__checkpoint__out_dir': str(tmp_path / 'out')}
    for held, changes in ((tmp_path / 'work', {}), (tmp_path / 'work', out), (tmp_path / 'out' / 'work', out)):
        with (
            FolderLock(held),
            pytest.raises(FolderInUseError, match=f'{held} is being changed by process {os.getpid()}'),
        ):
            build_runner(toy_config(tmp_path / 'work', 2, **changes)).train()
    build_runner(toy_config(tmp_path / 'work', 2)).train()
    # A test may run beside a training.
    with FolderLock(tmp_path / 'work'):
        cfg = toy_config(tmp_path / 'work', 2)
        cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, {'type': 'TestLoop'}
        cfg.test_evaluator = cfg.val_evaluator
        assert build_runner(cfg).test()['toy/count'] == 10
    build_runner(toy_config(tmp_path / 'work', 4, resume='auto')).train()


def test_a_copied_work_directory_goes_its_own_way(tmp_path):
    best = {'default_hooks__checkpoint__save_best': 'toy/count', 'default_hooks__checkpoint__rule': 'greater'}
    original, copy = tmp_path / 'a', tmp_path / 'b'
    build_runner(toy_config(original, 4, **best)).train()
    shutil.copytree(original, copy)
    build_runner(toy_config(original, 8, resume='auto', **best)).train()
    before = {path: path.read_bytes() for path in original.glob('*.pth')}
    runner = build_runner(toy_config(copy, 6, resume='auto', **best))
    runner.train()
    assert len(histories(runner)['train/loss']) == 6 and find_checkpoint(copy / 'last_checkpoint').parent == copy
    (hook,) = [hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)]
    assert hook.best_ckpt_path == str(copy / 'best_toy_count_iter_4.pth')
    hook.after_val_epoch(runner, {'toy/count': 11.0})
    assert not (copy / 'best_toy_count_iter_4.pth').exists()
    assert before == {path: path.read_bytes() for path in original.glob('*.pth')}


@pytest.mark.parametrize(
    ('part', 'value', 'said'),
    [
        ('meta', None, r'x\.pth has weights, but not the state of a training \(meta\)'),
        ('meta', dict(epoch=0, iter=-1), 'a training .meta'),
        ('message_hub', None, 'a training .message_hub'),
        ('message_hub', 'text', 'a training .message_hub'),
        ('optimizer', None, 'a training .optimizer'),
        ('exact_state', {}, 'a training .exact_state'),
        ('optimizer', dict(state={}, param_groups=[{}, {}]), r'x\.pth is of an optimizer with other groups'),
    ],
)
def test_what_is_no_state_of_this_training_is_not_resumed(tmp_path, trained, part, value, said):
    checkpoint = {**load_from_file(str(trained / 'iter_2.pth')), part: value}
    torch.save({name: content for name, content in checkpoint.items() if content is not None}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=said):
        build_runner(toy_config(tmp_path / 'b', 4)).resume(str(tmp_path / 'x.pth'))
