"""A smoke run of every config is short, whatever data sets and loops it has."""

from pathlib import Path

import pytest
from mmengine.config import Config

from slan_mm.engine.smoke import BATCH_SIZE, ITERATIONS, SAMPLES, make_smoke_run
from slan_mm.registry import DATASETS, EVALUATOR

ROOT = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(
    path for path in ROOT.rglob('*.py') if '_base_' not in path.parts and not path.name.endswith('runtime.py')
)


def parts_of(dataset):
    return [part for each in dataset['datasets'] for part in parts_of(each)] if 'datasets' in dataset else [dataset]


def count_of(dataset):
    counts = [dataset[name] for name in ('num_images', 'num_sentences', 'num_videos', 'indices') if name in dataset]
    return counts[0] if counts else None


@pytest.mark.parametrize('path', CONFIGS, ids=[str(path.relative_to(ROOT).with_suffix('')) for path in CONFIGS])
def test_every_config_becomes_short(path):
    cfg = Config.fromfile(path)
    make_smoke_run(cfg)

    if cfg.get('train_dataloader') is not None:
        assert cfg.train_dataloader.batch_size <= BATCH_SIZE
        assert cfg.train_cfg.max_iters == ITERATIONS * cfg.optim_wrapper.get('accumulative_counts', 1)
        assert 'max_epochs' not in cfg.train_cfg
        for part in parts_of(cfg.train_dataloader.dataset):
            assert part['type'] == 'WebPairDataset' or 0 < count_of(part) <= SAMPLES['train']
    for mode in ('val', 'test'):
        loaders = cfg.get(f'{mode}_dataloader') or {}
        for loader in [loaders] if 'dataset' in loaders else loaders.values():
            assert all(0 < count_of(part) <= SAMPLES[mode] for part in parts_of(loader['dataset']))


#: They draw their pictures; those on pseudo-labels read files.
DRAWN = [path for path in CONFIGS if '_shapes' in path.stem and path.parent.name != 'pseudo']


@pytest.mark.parametrize('path', DRAWN, ids=lambda path: path.stem)
def test_what_is_few_can_be_built(path):
    cfg = Config.fromfile(path)
    make_smoke_run(cfg)
    val = cfg.val_dataloader
    for loader in (cfg.train_dataloader, *([val] if 'dataset' in val else val.values())):
        assert 0 < len(DATASETS.build(loader.dataset)) <= 4 * SAMPLES['train']


@pytest.mark.parametrize('evaluator', [dict(type='mmdet.CocoMetric'), [dict(type='mmdet.CocoMetric')]])
def test_evaluators_as_mmengine_takes_them(evaluator):
    cfg = Config.fromfile(ROOT / 'detection/slan_tiny_shapes_detection.py')
    cfg.test_evaluator = evaluator
    make_smoke_run(cfg)
    assert cfg.test_evaluator == evaluator


def test_a_cascade_of_a_config_still_fits_the_shorter_shortlist():
    cfg = Config.fromfile(ROOT / 'pretrain/slan_tiny_shapes_long.py')
    cfg.test_evaluator.retrieval.update(m=100, full_k=8)
    make_smoke_run(cfg)
    evaluator = EVALUATOR.build(cfg.test_evaluator.retrieval)
    assert (evaluator.cascade.m, evaluator.cascade.k, evaluator.cascade.full_k) == (100, BATCH_SIZE, BATCH_SIZE)
