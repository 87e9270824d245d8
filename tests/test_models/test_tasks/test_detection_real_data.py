"""The detector on real photographs: a cut of COCO as described in docs/tasks/detection.md, in data/coco_mini."""

import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from support.detection import detector_config

from slan_mm.registry import RUNNERS

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get('SLAN_DATA', REPOSITORY / 'data'))
pytestmark = pytest.mark.skipif(
    not (DATA / 'coco_mini/annotations/instances_val2017.json').is_file(),
    reason='no cut of COCO: link it to data/coco_mini, or name the folder above it in SLAN_DATA',
)


def test_trains_and_evaluates(tmp_path, monkeypatch):
    monkeypatch.setenv('SLAN_DATA', str(DATA))
    cfg = Config.fromfile(REPOSITORY / 'configs/detection/slan_small_coco_mini.py')
    # The config's data, schedule and runtime, with a model that takes no time.
    cfg.model = detector_config(
        text__encoder__max_words=256, text__encoder__model__max_position_embeddings=256, head__max_per_img=100
    )
    for mode in ('train', 'val', 'test'):
        loader = cfg[f'{mode}_dataloader']
        loader.batch_size = 2
        loader.dataset.indices = 4
        for step in loader.dataset.pipeline:
            if step.type == 'mmdet.Resize':
                step.scale = (32, 32)
    cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = 2
    cfg.work_dir = str(tmp_path)
    runner = RUNNERS.build(cfg)
    before = {name: value.detach().clone() for name, value in runner.model.named_parameters()}
    runner.train()
    assert any(not torch.equal(before[name], value) for name, value in runner.model.named_parameters())
    metrics = runner.val_loop.run()
    assert 0 <= metrics['coco/bbox_mAP'] <= 1
