"""How long a run is, and when it validates. That it resumes exactly is in test_resume.py."""

import pytest
import torch
from support.engine import histories, toy_config

from slan_mm.engine.launch import build_runner


def loop_config(work_dir, **train_cfg):
    cfg = toy_config(work_dir)
    cfg.train_cfg = {'type': 'ResumableIterLoop', **train_cfg}
    return cfg


def validations(runner):
    if 'val/toy/count' not in runner.message_hub.log_scalars:
        return 0
    return len(runner.message_hub.get_scalar('val/toy/count').data[0])


@pytest.mark.parametrize(('epochs', 'iterations'), [(1, 3), (2, 5), (0.5, 2)])
def test_epochs_become_iterations(tmp_path, epochs, iterations):
    runner = build_runner(loop_config(tmp_path, max_epochs=epochs))
    runner.train()
    assert runner.max_iters == iterations == len(histories(runner)['train/loss'])


@pytest.mark.parametrize('lengths', [{}, {'max_iters': 3, 'max_epochs': 1}])
def test_the_length_is_given_once(tmp_path, lengths):
    with pytest.raises(ValueError, match='either max_iters or max_epochs'):
        build_runner(loop_config(tmp_path, **lengths)).train()


def test_epochs_need_our_sampler(tmp_path):
    cfg = loop_config(tmp_path, max_epochs=1)
    cfg.train_dataloader.sampler = {'type': 'InfiniteSampler'}
    with pytest.raises(TypeError, match='InfiniteSampler: give max_iters instead'):
        build_runner(cfg).train()


@pytest.mark.parametrize(
    ('settings', 'times'),
    [
        ({}, 1),
        ({'val_interval': 2}, 3),
        ({'validations': 2}, 2),
        ({'validations': 4}, 3),
        ({'validations': 9}, 5),
    ],
)
def test_validation_comes_at_its_interval_and_at_the_end(tmp_path, settings, times):
    runner = build_runner(loop_config(tmp_path, max_iters=5, **settings))
    runner.train()
    assert validations(runner) == times


def test_the_times_of_validation_are_given_once(tmp_path):
    with pytest.raises(ValueError, match='val_interval or validations, not both'):
        build_runner(loop_config(tmp_path, max_iters=5, val_interval=1, validations=2)).train()


def test_validation_does_not_change_the_training(tmp_path):
    often = build_runner(loop_config(tmp_path / 'often', max_iters=6, val_interval=1))
    often.train()
    cfg = loop_config(tmp_path / 'never', max_iters=6)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    never = build_runner(cfg)
    never.train()
    assert (validations(often), validations(never)) == (6, 0)
    assert histories(often) == histories(never)
    assert torch.equal(often.model.layer.weight, never.model.layer.weight)


def test_another_sampler_resumes_the_way_of_mmengine(tmp_path):
    sampler = {'train_dataloader__sampler': {'type': 'InfiniteSampler'}}
    straight = build_runner(toy_config(tmp_path / 'a', 8, **sampler))
    straight.train()
    stop = {'type': 'StopHook', 'iteration': 4}
    build_runner(toy_config(tmp_path / 'b', 8, default_hooks__stop=stop, **sampler)).train()
    resumed = build_runner(toy_config(tmp_path / 'b', 8, resume='auto', **sampler))
    resumed.train()
    assert histories(resumed)['train/loss'] == histories(straight)['train/loss']


@pytest.mark.parametrize('sampler', ['ResumableSampler', 'InfiniteSampler', 'DefaultSampler'])
@pytest.mark.parametrize('drop_last', [False, True])
def test_a_batch_larger_than_the_data(tmp_path, sampler, drop_last, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.engine.train_loop.print_log', lambda text, *_: said.append(text))
    # MMEngine waits two seconds wherever a loader begins again.
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    cfg = loop_config(tmp_path, max_iters=3)
    cfg.merge_from_dict({'train_dataloader.batch_size': 16, 'train_dataloader.drop_last': drop_last})
    cfg.train_dataloader.sampler = {'type': sampler}
    runner = build_runner(cfg)
    if sampler == 'DefaultSampler' and drop_last:
        with pytest.raises(ValueError, match='has 10 samples, fewer than a batch of 16 on 1 processes, and drop_last'):
            runner.train()
        return
    runner.train()
    assert len(histories(runner)['train/loss']) == 3
    assert ['has 10 samples, fewer than a batch of 16' in text for text in said] == [True]
