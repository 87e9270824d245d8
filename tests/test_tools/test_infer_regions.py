"""The tool that shows where in a picture the words are, on a model that has learned nothing."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from toy import SIZE, toy_config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools' / 'infer_regions.py'))


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Config, checkpoint and picture."""
    folder = tmp_path_factory.mktemp('infer')
    config = folder / 'toy_config.py'
    Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm')).dump(config)
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, folder / 'toy.pth')
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)).save(folder / 'p.png')
    return [str(config), str(folder / 'toy.pth'), str(folder / 'p.png')]


def test_prints_boxes_and_draws_them(tool, files, tmp_path, capsys):
    out = tmp_path / 'new' / 'regions.png'
    options = ['--out', str(out), '--top', '2', '--device', 'cpu']
    tool['main']([*files, 'a [red circle] and a [square]', *options])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(':')[0] for line in lines if 'score' in line] == ['red circle'] * 2 + ['square'] * 2
    assert lines[-1] == f'drawn: {out}'
    with Image.open(out) as figure:
        assert figure.width > 1000


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [(3, 'a [dog', "without ']'"), (2, 'gone.jpg', 'no picture gone.jpg'), (1, 'gone.pth', 'gone.pth')],
)
def test_mistakes_are_told_in_a_line(tool, files, place, value, said):
    arguments = [*files, 'a [dog]']
    arguments[place] = value
    with pytest.raises(SystemExit, match=f'infer_regions: .*{said}'):
        tool['main'](arguments)


def test_the_picture_is_a_png(tool, files, capsys):
    with pytest.raises(SystemExit):
        tool['main']([*files, 'a [dog]', '--out', 'regions.jpg'])
    assert 'does not end in .png' in capsys.readouterr().err
