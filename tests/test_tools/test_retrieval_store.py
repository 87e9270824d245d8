"""tools/test.py with a store: the second time features and scores are read."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from support.shrink import shrink

from slan_mm.models import SLAN
from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def test_tool(tmp_path, monkeypatch):
    """Evaluates random weights with the given settings; returns the metrics."""
    cfg = shrink(Config.fromfile(ROOT / 'configs' / 'retrieval' / 'slan_tiny_shapes_retrieval.py'))
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'val_cfg'):
        cfg.pop(name, None)
    cfg.pop('val_evaluator', None)
    for part in ('dataloader', 'evaluator'):
        cfg[f'test_{part}'] = dict(retrieval=cfg[f'test_{part}']['retrieval'])
    cfg.dump(tmp_path / 'cfg.py')
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'random.pth')

    def run(name, *settings):
        out = tmp_path / f'{name}.json'
        command = ['test.py', tmp_path / 'cfg.py', tmp_path / 'random.pth', '--work-dir', tmp_path / name, '--out', out]
        command += ['--cfg-options', f'experiment_name={tmp_path.name}_{name}', *settings]
        monkeypatch.setattr(sys, 'argv', list(map(str, command)))
        runpy.run_path(str(ROOT / 'tools' / 'test.py'), run_name='__main__')
        return json.loads(out.read_text())

    return run


def test_a_store_is_given_as_an_option(test_tool, tmp_path, monkeypatch):
    store = f'test_evaluator.retrieval.store={tmp_path / "store"}'
    metrics = test_tool('first', store)
    monkeypatch.setattr(SLAN, 'encode_image', None)  # would fail if it were called
    assert test_tool('second', store) == metrics and metrics['retrieval/t2i_R10'] > 0
    with pytest.raises(SystemExit, match='other config of the model or the data set'):
        test_tool('third', store, 'model.locator.region_filter.top=3')
