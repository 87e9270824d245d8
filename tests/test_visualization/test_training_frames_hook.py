"""The same captions while a model learns: frames at the moments asked for, and a training that does not notice."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.visualization import Visualizer
from support.drawn import assert_texts_are_whole
from support.toy import build_toy_slan

from slan_mm.registry import HOOKS
from slan_mm.visualization import Canvas, TrainingFramesHook


@pytest.fixture
def runner(tmp_path):
    data = dict(type='ShapesPairs', split='val', task='grounding', num_images=3, image_size=32)
    cfg = Config(dict(val_dataloader=dict(grounding=dict(dataset=data))))
    return SimpleNamespace(
        cfg=cfg,
        work_dir=str(tmp_path),
        iter=0,
        max_iters=20,
        model=build_toy_slan(),
        visualizer=Visualizer(),
        logger=logging.getLogger('test'),
    )


def run(hook, runner, first=0):
    runner.iter = first
    hook.before_train(runner)
    for number in range(first, runner.max_iters):
        runner.iter = number
        hook.after_train_iter(runner, number)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_frames_are_written_at_shares_of_the_training(runner, tmp_path):
    run(HOOKS.build(dict(type='TrainingFramesHook', at=[1.0, 0.0, 0.24], indices=[0, 2])), runner)
    assert names(tmp_path / 'frames') == ['iter_000000.png', 'iter_000005.png', 'iter_000020.png']


def test_a_resumed_run_does_not_draw_its_start_again(runner, tmp_path):
    run(TrainingFramesHook(at=[0.0, 1.0], indices=[0]), runner, first=18)
    assert names(tmp_path / 'frames') == ['iter_000020.png']


def test_the_training_goes_on_as_without_it(runner, monkeypatch):
    pages = []
    monkeypatch.setattr(Canvas, 'save', lambda canvas, path: pages.append(canvas))
    runner.model.train()
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    torch.manual_seed(7)
    state = torch.get_rng_state()
    TrainingFramesHook(at=[0.0], indices=[1, 2]).before_train(runner)
    assert torch.equal(torch.get_rng_state(), state) and runner.model.training
    assert all(torch.equal(before[name], value) for name, value in runner.model.state_dict().items())
    assert all(value.grad is None for value in runner.model.parameters())
    assert_texts_are_whole(pages[0])


def test_mistakes_are_told(runner):
    with pytest.raises(ValueError, match=r'shares.*\[2\.0\]'):
        TrainingFramesHook(at=[2.0])
    with pytest.raises(ValueError, match="no task 'boxes' but \\['grounding'\\]"):
        TrainingFramesHook(task='boxes').before_train(runner)
