"""The tools that make and search an index of pictures, on a model that has learned nothing."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support.toy import SIZE, toy_config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a tool and returns what it printed."""
    Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm')).dump(tmp_path / 'toy_config.py')
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, tmp_path / 'toy.pth')
    (tmp_path / 'pictures').mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (30, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / 'pictures' / f'{number}.png')

    def call(tool, *arguments):
        runpy.run_path(str(ROOT / 'tools' / f'{tool}.py'))['main']([str(argument) for argument in arguments])
        return capsys.readouterr().out

    return call


def test_from_a_folder_to_found_regions(run, tmp_path):
    index, model = tmp_path / 'index', [tmp_path / 'toy_config.py', tmp_path / 'toy.pth']
    (tmp_path / 'pictures' / 'broken.png').write_bytes(b'')
    said = run('index', 'add', index, *model, tmp_path / 'pictures', '--device', 'cpu')
    assert '3 pictures added' in said and '1 unreadable and skipped' in said
    arguments = ['--text', 'a [red circle]', '--top', '2', '--device', 'cpu', '--out-dir', tmp_path / 'out']
    lines = run('search', index, *model, *arguments).splitlines()
    assert 'a red circle' in lines and sum('red circle: [' in line for line in lines) == 2
    (prediction,) = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    assert len(prediction['found']) == 2 and (tmp_path / 'out' / '00000_query-0.jpg').is_file()
    assert '3 pictures for qdrant' in run('index', 'export', index, tmp_path / 'rows', '--format', 'qdrant')
    assert len(json.loads((tmp_path / 'rows' / 'rows' / '000000.json').read_text())['points']) == 3

    assert '1 pictures removed, 2 left' in run('index', 'remove', index, tmp_path / 'pictures' / '0.png')
    (tmp_path / 'pictures' / '1.png').unlink()
    assert '1 pictures removed, 1 left' in run('index', 'remove', index, '--gone')
    assert '1 images in 0.' in run('index', 'compact', index)
    shown = run('index', 'show', index).splitlines()
    assert shown[0] == f'{tmp_path / "pictures" / "2.png"}  50 x 30' and shown[1].startswith('1 pictures; format 3')


def test_mistakes_are_told_in_a_line(run, tmp_path):
    with pytest.raises(SystemExit, match='search: .*is no index of pictures'):
        run('search', tmp_path / 'none', tmp_path / 'toy_config.py', tmp_path / 'toy.pth', '--text', 'a dog')
    with pytest.raises(SystemExit, match='index: .*is no index of pictures'):
        run('index', 'show', tmp_path / 'none')
    with pytest.raises(SystemExit, match='index: .*is no index of pictures'):
        run('index', 'export', tmp_path / 'none', tmp_path / 'rows', '--format', 'qdrant')
    model = tmp_path / 'toy_config.py', tmp_path / 'gone.pth'
    with pytest.raises(SystemExit, match='index: there is no picture .*gone'):
        run('index', 'add', tmp_path / 'none', *model, tmp_path / 'pictures', tmp_path / 'gone')
    with pytest.raises(SystemExit, match=r'index: no checkpoint .*gone\.pth'):
        run('index', 'add', tmp_path / 'none', *model, tmp_path / 'pictures')
    with pytest.raises(SystemExit, match='2'):
        run('index', 'remove', tmp_path / 'none')
    with pytest.raises(SystemExit, match='2'):
        run('index', 'add', tmp_path / 'none', *model, tmp_path / 'pictures', '--share', 3, 2)
