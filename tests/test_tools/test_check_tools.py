"""What the checks of resuming and of ranks compare; their runs themselves are in tests/test_engine."""

import json
import runpy

import pytest
import torch
from support.engine import ROOT, toy_config

from slan_mm.engine import TimelineHook
from slan_mm.engine.launch import build_runner


@pytest.fixture(scope='module')
def check_resume():
    return runpy.run_path(str(ROOT / 'tools' / 'analysis' / 'check_resume.py'))


def checkpoint(losses, weight=1.0):
    scalars = {'train/loss': {'values': torch.tensor(losses)}, 'train/time': {'values': torch.rand(2)}}
    return {'message_hub': {'log_scalars': scalars}, 'state_dict': {'w': torch.tensor([weight])}}


def test_the_smallest_difference_is_found(check_resume):
    same, other = checkpoint([0.5, 0.25]), checkpoint([0.5, 0.25 + 2**-25])
    assert check_resume['differences'](same, checkpoint([0.5, 0.25])) == []
    assert 'train/loss: differs from iteration 2 on' in check_resume['differences'](same, other)[0]
    assert check_resume['differences'](same, checkpoint([0.5])) == ['train/loss: 2 values and 1']
    assert check_resume['differences'](same, checkpoint([0.5, 0.25], 1.5)) == ['w: not the same at the end']


def test_logs_without_losses_are_not_taken_for_equal(check_resume):
    empty = {'message_hub': {'log_scalars': {}}, 'state_dict': {}}
    assert check_resume['differences'](empty, empty) == ['no losses were logged']


def test_a_resume_costs_loading_and_repeating(check_resume):
    def event(name, iteration, time):
        return {'event': name, 'iter': iteration, 'time': time}

    timeline = [event('built', 0, 0.0), event('iter', 1, 1.0), event('iter', 2, 2.0), event('iter', 3, 3.0)]
    timeline += [event('built', 0, 10.0), event('ready', 1, 11.0), event('data', 1, 11.5)]
    timeline += [event('iter', 2, 12.5), event('iter', 3, 13.5), event('iter', 4, 14.5)]
    assert check_resume['resume_costs'](timeline, [3]) == [(1, 1.5, 2.0)]


def test_the_timeline_is_written_at_once(tmp_path):
    path = tmp_path / 'timeline.jsonl'
    runner = build_runner(toy_config(tmp_path, 2))
    runner.register_hook(TimelineHook(str(path)))
    runner.train()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line['event'], line['iter']) for line in lines] == [
        ('built', 0),
        ('ready', 0),
        ('data', 0),
        ('iter', 1),
        ('iter', 2),
    ]
    assert [line['time'] for line in lines] == sorted(line['time'] for line in lines)
