"""The tool on a config file: caches, then the model trains and evaluates from the store."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from slan_mm.engine.launch import build_runner
from slan_mm.registry import DATASETS, MODELS

_PATH = Path(__file__).parents[2] / 'tools' / 'cache_features.py'
CONFIG = """
default_scope = 'slan_mm'
store = {store!r}
load = [dict(type='ResizeImage', size=32)]
pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=load), dict(type='PackPairs')]
train_dataloader = dict(dataset=dict(type='ShapesPairs', split='val', num_images=3, pipeline=pipeline))
val_dataloader = dict(
    retrieval=dict(dataset=dict(type='ShapesPairs', split='test', task='retrieval', num_images=2, pipeline=pipeline)))
model = dict(
    embed_dims=12,
    data_preprocessor=dict(type='PairDataPreprocessor', mean=(0.0, 0.0, 0.0), std=(64.0, 64.0, 64.0)),
    image=dict(encoder=dict(
        type='{kind}', frozen={frozen}, in_channels=16, out_levels=1,
        backbone=dict(type='mmdet.ResNet', depth=18, base_channels=8))),
    text=dict(encoder=dict(
        type='StoredTextEncoder', tokenizer=dict(type='ShapesTokenizer'), frozen=True, store=store,
        model=dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32))))
"""


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('cache_features', _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fills_the_stores_of_a_config(tool, tmp_path):
    path, store = tmp_path / 'config.py', tmp_path / 'store'
    path.write_text(CONFIG.format(store=str(store), frozen=True, kind='StoredImageEncoder'))
    tool.main([str(path), '--num-workers', '0', '--device', 'cpu'])
    cfg = Config.fromfile(path)
    datasets = [
        DATASETS.build(cfg.train_dataloader.dataset),
        DATASETS.build(cfg.val_dataloader.retrieval.dataset),
    ]
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    for dataset, count in zip(datasets, (3, 2), strict=True):
        batch = preprocessor(pseudo_collate([dataset[index] for index in range(count)]))
        assert len(batch['inputs']) == count
        assert batch['inputs'].levels[0].shape == (count, 16, 4, 4)
        assert batch['data_samples'][0].ori_shape == (64, 64) and batch['data_samples'][0].img_shape == (32, 32)
    assert (store / 'texts' / 'index.json').exists()


def test_encoders_that_learn_are_refused(tool, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(store=str(tmp_path / 'store'), frozen=False, kind='ImageEncoder'))
    with pytest.raises(SystemExit, match=r'model\.image\.encoder is not frozen'):
        tool.main([str(path), '--device', 'cpu'])


def test_an_encoder_that_reads_no_store_is_refused(tool, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(store=str(tmp_path / 'store'), frozen=True, kind='ImageEncoder'))
    with pytest.raises(SystemExit, match="reads from no store: set its type='StoredImageEncoder'"):
        tool.main([str(path), '--device', 'cpu'])


def test_a_config_without_a_store_is_told(tool, tmp_path):
    path = tmp_path / 'config.py'
    text = CONFIG.format(store=str(tmp_path / 'store'), frozen=True, kind='StoredImageEncoder')
    path.write_text(text + "\ntrain_dataloader = val_dataloader = dict(dataset=dict(type='ShapesPairs'))\n")
    with pytest.raises(SystemExit, match='no pipeline has LoadCachedFeatures'):
        tool.main([str(path)])


def test_a_run_fills_its_own_stores(tmp_path, monkeypatch):
    path, store = tmp_path / 'config.py', tmp_path / 'store'
    path.write_text(CONFIG.format(store=str(store), frozen=True, kind='StoredImageEncoder'))
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(dict(launcher='pytorch', fill_feature_stores=True, runner_type='ResumableRunner'))
    # What a runner builds first are the data sets, which open their stores.
    monkeypatch.setattr('slan_mm.engine.launch.RUNNERS', SimpleNamespace(build=lambda cfg: store.exists()))
    # Of several processes none fills: they would wait for each other's lock.
    assert not build_runner(cfg)
    cfg.launcher = 'none'
    assert build_runner(cfg)
    assert (store / 'images/index.json').exists() and (store / 'texts/index.json').exists()
