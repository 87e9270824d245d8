"""A training that stops when it no longer gets better, and tells what it learned."""

from types import SimpleNamespace

import pytest
import torch
from support.engine import toy_config

from slan_mm.engine import LearningReportHook, ResumableEarlyStoppingHook
from slan_mm.engine.hooks.run_record_hook import read_record
from slan_mm.engine.launch import build_runner

STOP = dict(type='ResumableEarlyStoppingHook', monitor='toy/count', rule='greater', min_delta=0.01, patience=2)


def test_a_run_stops_and_is_finished(tmp_path):
    # The metric is the same each time: the second validation without a better one ends it.
    changes = {'train_cfg__val_interval': 2, 'default_hooks__record': {'type': 'RunRecordHook'}}
    runner = build_runner(toy_config(tmp_path, 20, default_hooks__early_stopping=STOP, **changes))
    runner.train()
    assert runner.iter == 6
    assert read_record(tmp_path)['finished']


def test_counting_goes_on_from_a_checkpoint():
    hook, checkpoint = ResumableEarlyStoppingHook(**{k: v for k, v in STOP.items() if k != 'type'}), {}
    runner = SimpleNamespace(train_loop=SimpleNamespace(stop_training=False), logger=None, iter=5)
    hook.after_val_epoch(runner, {'toy/count': 3.0})
    hook.after_val_epoch(runner, {'toy/count': 2.0})
    hook.before_save_checkpoint(runner, checkpoint)
    other = ResumableEarlyStoppingHook(**{k: v for k, v in STOP.items() if k != 'type'})
    other.after_load_checkpoint(runner, checkpoint)
    other.before_train(runner)
    assert (other.best_score, other.wait_count) == (3.0, 1)
    # Weights to begin with are another run's, and so is its count.
    other.before_train(SimpleNamespace(iter=0))
    assert (other.best_score, other.wait_count) == (float('-inf'), 0)


def metrics(mean):
    found = {'retrieval/mean_recall': mean, 'retrieval_weights/region_word': 0.0, 'retrieval_weights/itm': 0.0}
    for part in ('', '_shortlist', '_itc', '_region_word'):
        found |= {f'retrieval{part}/i2t_R1': mean, f'retrieval{part}/t2i_R1': mean}
    return found


def runner_at(iteration, tmp_path, said):
    gallery = SimpleNamespace(image_ids=list('abcd'), texts=list('abcdefgh'))
    return SimpleNamespace(
        iter=iteration,
        max_iters=30,
        work_dir=str(tmp_path),
        cfg=SimpleNamespace(filename=None),
        logger=SimpleNamespace(info=said.append),
        val_loop=SimpleNamespace(evaluator={'retrieval': SimpleNamespace(gallery=gallery)}),
    )


def test_the_report_is_of_the_best_validation_also_after_a_resume(tmp_path):
    said, checkpoint = [], {}
    hook = LearningReportHook()
    hook.before_train(runner_at(0, tmp_path, said))
    for iteration, mean in ((0, 10.0), (10, 40.0), (20, 30.0)):
        hook.after_val_epoch(runner_at(iteration, tmp_path, said), metrics(mean))
    hook.before_save_checkpoint(None, checkpoint)
    torch.save(checkpoint, tmp_path / 'state.pth')
    resumed = LearningReportHook()
    resumed.after_load_checkpoint(None, torch.load(tmp_path / 'state.pth', weights_only=True))
    resumed.before_train(runner_at(20, tmp_path, said))
    resumed.after_train(runner_at(30, tmp_path, said))
    assert 'before training:  10.0 / 10.0' in said[0] and 'at iteration 10 of 30' in said[0]
    assert f'Next: python tools/test.py CONFIG {tmp_path}' in said[0]


def test_validations_that_choose_nothing_are_not_told(tmp_path):
    said = []
    hook = LearningReportHook()
    hook.after_val_epoch(runner_at(0, tmp_path, said), {'retrieval/i2t_R1': 3.0})
    hook.after_train(runner_at(30, tmp_path, said))
    assert not said


@pytest.mark.parametrize(('settings', 'times'), [({}, 1), ({'validate_start': True}, 2)])
def test_a_validation_before_the_first_iteration(tmp_path, settings, times):
    runner = build_runner(toy_config(tmp_path, 2, **{f'train_cfg__{k}': v for k, v in settings.items()}))
    runner.train()
    assert len(runner.message_hub.get_scalar('val/toy/count').data[0]) == times
