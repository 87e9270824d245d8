"""The tiny twins of retrieval, NLVR2 and video retrieval: fine-tuned from a checkpoint and evaluated by the runner."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from support.film import write_film
from support.shrink import shrink

from slan_mm.registry import MODELS, RUNNERS

ROOT = Path(__file__).parents[2] / 'configs'
TWINS = {
    'retrieval/slan_tiny_shapes_retrieval': ('retrieval/i2t_R1', 'retrieval/t2i_medR', 'retrieval_itc/i2t_R1'),
    'nlvr2/slan_tiny_shapes_nlvr2': ('nlvr2/accuracy', 'nlvr2/consistency'),
    'video_retrieval/slan_tiny_shapes_video_retrieval': ('retrieval/t2i_R10', 'retrieval/t2i_medR'),
}


def small(name, work_dir):
    """A config of the repository at toy size, which logs nothing but text."""
    cfg = shrink(Config.fromfile(ROOT / f'{name}.py'))
    cfg.work_dir = str(work_dir)
    cfg.visualizer.vis_backends = []
    cfg.experiment_name = f'{Path(name).name}-{work_dir.name}'
    for mode in ('val', 'test'):
        for loader in (cfg.get(f'{mode}_dataloader') or {}).values():
            loader.num_workers = 0
    return cfg


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory):
    """A pre-training checkpoint that fits them all."""
    torch.manual_seed(0)
    model = MODELS.build(shrink(Config.fromfile(ROOT / 'pretrain/slan_tiny_shapes.py')).model)
    path = tmp_path_factory.mktemp('pretrained') / 'slan.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.mark.parametrize('name', TWINS)
def test_trains_from_a_pre_training_checkpoint_and_evaluates(name, pretrained, tmp_path):
    cfg = small(name, tmp_path)
    cfg.load_from = str(pretrained)
    cfg.train_cfg.max_iters = 2
    cfg.train_cfg.val_interval = 2
    cfg.param_scheduler = None
    runner = RUNNERS.build(cfg)
    runner.load_or_resume()
    loaded = torch.load(pretrained)['state_dict']
    for key in ('image_branch.region_projection.weight', 'locator.adaptors.0.projection.weight'):
        assert torch.equal(runner.model.state_dict()[key], loaded[key])
    runner.train()
    assert runner.iter == 2
    for metric in TWINS[name]:
        assert math.isfinite(runner.message_hub.get_scalar(f'val/{metric}').current())
    checkpoint = tmp_path / 'iter_2.pth'
    assert checkpoint.is_file()

    cfg = small(name, tmp_path / 'test')
    cfg.load_from = str(checkpoint)
    metrics = RUNNERS.build(cfg).test()
    assert set(TWINS[name]) <= set(metrics)


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Three videos where the MSR-VTT config looks for them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SLAN_DATA', raising=False)
    folder = tmp_path / 'data/msrvtt'
    (folder / 'videos').mkdir(parents=True)
    rows = ['key;vid_key;video_id;sentence']
    for number, length in enumerate((12, 9, 3)):
        write_film(folder / f'videos/video{number}.mp4', length)
        rows.append(f'ret{number};msr{number};video{number};a red circle {number}')
    (folder / 'MSRVTT_JSFUSION_test.csv').write_text('\n'.join(rows))
    return tmp_path


def test_msrvtt_from_video_files(videos):
    name = 'video_retrieval/slan_r50_msrvtt_zero-shot'
    cfg = small(name, videos / 'work')
    cfg.test_dataloader = Config.fromfile(ROOT / f'{name}.py').test_dataloader
    cfg.test_dataloader.retrieval.num_workers = 0
    torch.manual_seed(0)
    checkpoint = videos / 'slan.pth'
    torch.save(dict(state_dict=MODELS.build(dict(cfg.model, type='SLAN')).state_dict()), checkpoint)
    cfg.load_from = str(checkpoint)
    metrics = RUNNERS.build(cfg).test()
    assert {f'retrieval/t2i_{score}' for score in ('R1', 'R5', 'R10', 'medR')} <= set(metrics)
    log = next((videos / 'work').rglob('*.log')).read_text()
    assert 'Retrieval protocol: MSR-VTT 1k-A' in log and 'test (8 frames a video), zero-shot, 3 videos, 3 texts' in log
    assert 'video2.mp4 has 3 frames, fewer than 8' in log


def test_a_checkpoint_of_another_architecture_is_refused(pretrained, tmp_path):
    """Pre-trained weights have no NLVR2 head: a score of a half random model would be none."""
    cfg = small('nlvr2/slan_tiny_shapes_nlvr2', tmp_path)
    cfg.load_from = str(pretrained)
    with pytest.raises(RuntimeError, match='head'):
        RUNNERS.build(cfg).test()
