"""The hook that draws a test."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.visualization import Visualizer
from PIL import Image
from test_collect import evaluator_of, grounded

from slan_mm.datasets import ShapesPairs
from slan_mm.registry import HOOKS
from slan_mm.visualization import RegionFigureHook


@pytest.fixture
def runner(tmp_path):
    dataset = ShapesPairs('test', 'retrieval', num_images=4)
    evaluator = {'retrieval': evaluator_of(dataset, 1), 'grounding': object()}
    loop = SimpleNamespace(evaluator=evaluator, dataloader={'retrieval': SimpleNamespace(dataset=dataset)})
    return SimpleNamespace(
        work_dir=str(tmp_path), test_loop=loop, visualizer=Visualizer(), logger=logging.getLogger('test')
    )


def run(hook, runner, batches=2):
    hook.before_test(runner)
    for number in range(batches):
        batch = {'inputs': [torch.zeros(3, 8, 8, dtype=torch.uint8)] * 3}
        hook.after_test_iter(runner, number, batch, [grounded() for _ in range(3)])
    hook.after_test_epoch(runner, {})


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_draws_both_figures_page_by_page(runner, tmp_path):
    hook = HOOKS.build(dict(type='RegionFigureHook', draw=True, max_pictures=5, per_figure=2))
    run(hook, runner)
    assert files(tmp_path / 'figures') == ['regions.png', 'regions_2.png', 'regions_3.png', 'retrieval.png']
    with Image.open(tmp_path / 'figures/regions.png') as two, Image.open(tmp_path / 'figures/regions_3.png') as one:
        assert one.width < two.width


def test_draws_into_show_dir_and_starts_anew_with_each_test(runner, tmp_path):
    hook = RegionFigureHook(draw=True, show_dir=str(tmp_path / 'here'), per_figure=3)
    run(hook, runner, batches=1)
    run(hook, runner, batches=1)
    assert files(tmp_path / 'here') == ['regions.png', 'retrieval.png']


def test_draws_nothing_unless_asked_to(runner, tmp_path):
    run(RegionFigureHook(show_dir=str(tmp_path / 'here')), runner)
    assert files(tmp_path) == []


def test_pictures_that_are_gone_do_not_break_the_test(runner, tmp_path, caplog):
    dataset = runner.test_loop.dataloader['retrieval'].dataset
    dataset.pipeline.transforms.append(lambda item: {**item, 'inputs': 'stored features'})
    run(RegionFigureHook(draw=True), runner)
    assert files(tmp_path / 'figures') == ['regions.png']
    assert 'shapes://test/0' in caplog.text


def test_a_test_without_such_tasks_draws_nothing(runner, tmp_path):
    runner.test_loop = SimpleNamespace(evaluator=object())
    hook = RegionFigureHook(draw=True)
    hook.after_test_iter(runner, 0, {'inputs': [torch.zeros(3, 8, 8)]}, [torch.zeros(2)])
    hook.after_test_epoch(runner, {})
    assert files(tmp_path) == []
