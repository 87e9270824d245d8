"""What the options of the tools do to a config."""

import argparse
import os
import sys
from copy import deepcopy

import pytest
import torch.distributed as dist
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from support.processes import run_in_process
from torch import nn

from slan_mm.cli.options import add_run_options
from slan_mm.engine import launch


def options(config, *arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_options(parser)
    return parser.parse_args([str(config), *arguments])


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'some_model.py'
    path.write_text(
        "model = dict(depth=1, layers=[1, 2])\noptim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=1.0))\n"
    )
    return path


def test_work_dir_is_the_options_then_the_configs_then_the_configs_name(config):
    assert launch.config_from_options(options(config)).work_dir == 'work_dirs/some_model'
    config.write_text(config.read_text() + "work_dir = 'here'\n")
    assert launch.config_from_options(options(config)).work_dir == 'here'
    assert launch.config_from_options(options(config, '--work-dir', 'there')).work_dir == 'there'


def test_settings_override_the_config(config):
    cfg = launch.config_from_options(options(config, '--cfg-options', 'model.depth=3', 'model.layers=[4,5]'))
    assert cfg.model.depth == 3 and cfg.model.layers == [4, 5]


@pytest.mark.parametrize(('device', 'expected'), [('cpu', 'BFloat16OptimWrapper'), ('cuda', 'AmpOptimWrapper')])
def test_amp_is_bfloat16_on_a_cpu_and_float16_on_a_gpu(config, monkeypatch, device, expected):
    monkeypatch.setattr(launch, 'get_device', lambda: device)
    cfg = Config.fromfile(config)
    launch.enable_amp(cfg)
    assert cfg.optim_wrapper.type == expected
    assert cfg.optim_wrapper.get('loss_scale') == ('dynamic' if device == 'cuda' else None)


def test_amp_leaves_a_mixed_precision_wrapper_alone(config):
    cfg = Config.fromfile(config)
    cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    launch.enable_amp(cfg)
    assert cfg.optim_wrapper.type == 'BFloat16OptimWrapper'


def test_compile_keeps_what_the_config_says(config):
    cfg = Config.fromfile(config)
    before = list(cfg.get('custom_hooks') or [])
    launch.enable_compile(cfg)
    assert cfg.custom_hooks == [*before, dict(type='slan_mm.CompileHook')]
    cfg.custom_hooks[-1].modules = ['text_branch']
    launch.enable_compile(cfg)
    assert cfg.custom_hooks == [*before, dict(type='slan_mm.CompileHook', modules=['text_branch'])]


def test_scaling_the_learning_rate_needs_a_base(config):
    cfg = Config.fromfile(config)
    with pytest.raises(ValueError, match='base_batch_size'):
        launch.enable_auto_scale_lr(cfg)
    cfg.auto_scale_lr = {'base_batch_size': 64, 'enable': False}
    launch.enable_auto_scale_lr(cfg)
    assert cfg.auto_scale_lr.enable


def test_resume(config, tmp_path):
    cfg = Config.fromfile(config)
    cfg.load_from = 'weights.pth'
    launch.set_resume(cfg, None)
    assert 'resume' not in cfg
    launch.set_resume(cfg, 'auto')
    assert cfg.resume == 'auto' and cfg.load_from == 'weights.pth'
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        launch.set_resume(cfg, str(tmp_path / 'none.pth'))
    checkpoint = tmp_path / 'iter_1.pth'
    checkpoint.touch()
    launch.set_resume(cfg, str(checkpoint))
    assert cfg.resume is True and cfg.load_from == str(checkpoint)


def test_pictures_need_a_visualization_hook(config):
    cfg = Config.fromfile(config)
    with pytest.raises(ValueError, match=r'default_hooks\.visualization'):
        launch.set_show_dir(cfg, 'pictures')
    cfg.default_hooks = {'visualization': {'type': 'Some'}}
    launch.set_show_dir(cfg, 'pictures')
    assert cfg.default_hooks.visualization == {'type': 'Some', 'draw': True, 'show_dir': 'pictures'}
    assert cfg.default_hooks.sample_page == {'type': 'slan_mm.SamplePageHook', 'show_dir': 'pictures'}


def test_views_of_an_image_are_those_of_the_config_or_its_mirror(config):
    cfg = Config.fromfile(config)
    with pytest.raises(ValueError, match=r'--tta: .* has no tta_model. The configs of detection have one'):
        launch.set_tta(cfg)
    steps = [dict(type='Load'), dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'text'))]
    cfg.merge_from_dict(
        dict(
            model=dict(type='SLANDetector'),
            tta_model=dict(type='mmdet.DetTTAModel'),
            test_dataloader=dict(dataset=dict(dataset=dict(pipeline=steps))),
        )
    )
    given = deepcopy(cfg)
    launch.set_tta(cfg)
    assert cfg.model.type == 'mmdet.DetTTAModel' and cfg.model.module.type == 'SLANDetector'
    load, views = cfg.test_dataloader.dataset.dataset.pipeline
    flips, (pack,) = views.transforms
    assert load.type == 'Load' and [flip.prob for flip in flips] == [0, 1]
    assert list(pack.meta_keys) == ['img_id', 'text', 'flip', 'flip_direction']
    given.tta_pipeline = [dict(type='Own')]
    launch.set_tta(given)
    assert [step.type for step in given.test_dataloader.dataset.dataset.pipeline] == ['Own']


def test_of_grounding_views_are_made_by_the_model_and_grounding_alone_is_tested(config):
    cfg = Config.fromfile(config)
    tasks = dict(retrieval=dict(type='A'), grounding=dict(type='B'))
    cfg.merge_from_dict(dict(test_dataloader=tasks, test_evaluator=tasks))
    model = deepcopy(cfg.model)
    launch.set_tta(cfg)
    assert cfg.model == dict(type='GroundingTTAModel', module=model)
    assert cfg.test_dataloader == cfg.test_evaluator == dict(grounding=dict(type='B'))
    cfg = Config.fromfile(config)
    dataset, steps = dict(pipeline=[dict(type='Load')]), [dict(type='Larger')]
    own = dict(tta_model=dict(type='GroundingTiles', size=8), tta_pipeline=steps)
    cfg.merge_from_dict(dict(test_dataloader=dict(grounding=dict(dataset=dataset)), test_evaluator={}, **own))
    launch.set_tta(cfg)
    assert cfg.model == dict(type='GroundingTiles', size=8, module=model)
    assert cfg.test_dataloader.grounding.dataset.pipeline == steps


class Holder:
    """Holds itself, so that the garbage collector alone can end it."""


def threads():
    return len(os.listdir('/proc/self/task'))


def threads_of_a_group(store):
    """Threads before there is a group, with it, and after it."""
    holder, before = Holder(), threads()
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=0, world_size=1)
    holder.model, holder.itself = MMDistributedDataParallel(nn.Linear(2, 1)), holder
    del holder
    during = threads()
    launch.leave_processes()
    return before, during, threads()


@pytest.mark.skipif(sys.platform != 'linux', reason='counts the threads in /proc')
def test_no_thread_of_the_group_outlives_it(tmp_path):
    before, during, after = run_in_process(threads_of_a_group, str(tmp_path / 'store'))
    assert during > before
    assert after == before
