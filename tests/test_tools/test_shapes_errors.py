"""The tool that says what a model does not see: on a perfect ranking, and run as a user would."""

import runpy
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from slan_mm.datasets.shapes import ShapesPairs
from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/analysis/shapes_errors.py'))


def test_who_sees_more_reaches_more(tool):
    dataset = ShapesPairs('test', 'retrieval', num_images=60)
    texts = [dataset[index]['data_samples'].text[0] for index in range(60)]
    reached = list(tool['ceilings'](texts, [dataset.scene(index) for index in range(60)]).values())
    assert all(low[0] <= high[0] and low[1] <= high[1] for low, high in pairwise(reached))
    assert reached[0][0] < 60 < reached[-1][0] <= 100


def test_the_right_pictures_agree_in_everything(tool):
    dataset = ShapesPairs('test', 'retrieval', num_images=10)
    own = [(dataset[index]['data_samples'].text[0], dataset.scene(index)) for index in range(10)]
    assert set(tool['mean_agreement'](own).values()) == {100.0}
    others = [(text, scene) for (text, _), (_, scene) in pairwise(own)]
    assert tool['mean_agreement'](others)['colours with their shapes'] < 50


def test_as_a_user_would(tool, tmp_path, capsys):
    cfg = Config.fromfile(ROOT / 'configs/pretrain/slan_tiny_shapes.py')
    torch.manual_seed(0)
    torch.save(MODELS.build(cfg.model).state_dict(), tmp_path / 'weights.pth')
    options = ['test_dataloader.retrieval.dataset.num_images=8', 'test_evaluator.retrieval.k=2']
    tool['main']([cfg.filename, str(tmp_path / 'weights.pth'), '--device', 'cpu', '--cfg-options', *options])
    printed = capsys.readouterr().out
    assert '| everything | ' in printed and '| re-ranked by ITM | ' in printed and 'nan' not in printed
