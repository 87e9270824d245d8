"""mmdet's detectors on pseudo-labels: each config, at toy size, trains a step and predicts."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from PIL import Image

from slan_mm.registry import DATA_SAMPLERS, DATASETS, HOOKS, LOOPS, METRICS, MODELS, RUNNERS

CONFIGS = sorted((Path(__file__).parents[2] / 'configs/pseudo').glob('*.py'))
CLASSES = ('dog', 'red car')


@pytest.fixture
def labels(tmp_path, monkeypatch):
    """An output folder of tools/pseudo_label.py, and the same boxes to test on."""
    (tmp_path / 'data').mkdir()
    images, annotations = [], []
    for number in range(4):
        Image.fromarray(np.full((60, 80, 3), 60 * number, np.uint8)).save(tmp_path / f'data/{number}.png')
        images.append(dict(id=number, file_name=f'{number}.png', width=80, height=60))
        box = dict(bbox=[5 + number, 10, 40, 40], category_id=1 + number % 2, score=(number + 1) / 4)
        annotations.append(dict(box, id=number, image_id=number, area=1600, iscrowd=0))
    categories = [dict(id=number, name=name) for number, name in enumerate(CLASSES, start=1)]
    (tmp_path / 'labels.json').write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=categories))
    )
    (tmp_path / 'classes.txt').write_text('\n'.join(CLASSES) + '\n')
    monkeypatch.setenv('SLAN_PSEUDO', str(tmp_path))
    monkeypatch.setenv('SLAN_TEST_BOXES', str(tmp_path / 'labels.json'))
    monkeypatch.setenv('SLAN_TEST_PICTURES', str(tmp_path / 'data'))
    return tmp_path


def shrink(cfg):
    """Small pictures, no weights of elsewhere; of a DETR as many queries as small pictures have cells."""
    cfg.model.backbone.init_cfg = None
    if 'checkpoint' in cfg.model.backbone:
        cfg.model.backbone.checkpoint = None
    if 'num_queries' in cfg.model:
        cfg.model.num_queries = cfg.model.test_cfg.max_per_img = 12
        cfg.model.encoder.num_layers = cfg.model.decoder.num_layers = 1
    for mode in ('train', 'val'):
        for step in cfg[f'{mode}_dataloader'].dataset.pipeline:
            for name in {'scale', 'size', 'crop_size'} & set(step):
                step[name] = (64, 64)
    return cfg


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_trains_a_step_and_predicts(path, labels):
    cfg = shrink(Config.fromfile(path))
    init_default_scope(cfg.default_scope)
    assert cfg.classes == CLASSES
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert [dataset.get_data_info(number)['weight'] for number in range(4)] == [0.25, 0.5, 0.75, 1.0]
    log = model.train_step(pseudo_collate([dataset[number] for number in range(4)]), wrapper)
    assert all(torch.isfinite(value).all() for value in log.values()) and log['loss'] > 0
    tested = DATASETS.build(cfg.val_dataloader.dataset)
    (sample,) = model.eval().val_step(pseudo_collate([tested[0]]))
    assert set(sample.pred_instances.labels.tolist()) <= {0, 1}
    assert sample.pred_instances.bboxes.numel() == 0 or sample.pred_instances.bboxes.max() <= 81


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_everything_named_is_there(path, labels):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    assert all(HOOKS.get(hook.type) for hook in cfg.default_hooks.values() if hook is not None)
    assert LOOPS.get(cfg.train_cfg.type) and RUNNERS.get(cfg.runner_type) and METRICS.get(cfg.val_evaluator.type)
    assert DATA_SAMPLERS.get(cfg.train_dataloader.sampler.type)


def test_without_labels_the_classes_are_the_shapes(tmp_path, monkeypatch):
    monkeypatch.setenv('SLAN_PSEUDO', str(tmp_path))
    assert Config.fromfile(CONFIGS[0]).num_classes == 6
