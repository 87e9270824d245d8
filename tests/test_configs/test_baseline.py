"""mmdet's detectors beside ours: each config trains a step on the boxes of generated pictures, and predicts."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from slan_mm.datasets.shapes.scene import SHAPES
from slan_mm.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[2] / 'configs'
OURS = Config.fromfile(ROOT / 'detection/slan_tiny_shapes_detection.py')


@pytest.mark.parametrize('path', sorted((ROOT / 'baseline').glob('*.py')), ids=lambda path: path.stem)
def test_trains_a_step_and_predicts(path):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    # A comparison: the same pictures, length, backbone and width.
    assert cfg.train_dataloader == OURS.train_dataloader and cfg.test_dataloader == OURS.test_dataloader
    assert cfg.train_cfg == OURS.train_cfg
    ours = OURS.model.image.encoder.backbone
    assert {key: value for key, value in cfg.model.backbone.items() if key != 'out_indices'} == {
        key: value for key, value in ours.items() if key not in ('type', 'out_indices')
    } | {'type': ours.type.removeprefix('mmdet.')}
    assert cfg.model.bbox_head.num_classes == len(SHAPES) and cfg.model.neck.out_channels == OURS.model.embed_dims

    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, num_images=4))
    batch = pseudo_collate([dataset[number] for number in range(4)])
    log = model.train_step(batch, wrapper)
    assert all(torch.isfinite(value).all() for value in log.values()) and log['loss'] > 0
    for sample in model.eval().val_step(batch):
        found = sample.pred_instances
        assert 0 < len(found) <= 25 and found.bboxes.min() >= 0 and found.bboxes.max() <= 64
