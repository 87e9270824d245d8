"""Options that several tools have, and the config they change."""

import argparse
import re
import runpy
from pathlib import Path

import pytest

from slan_mm.cli.options import add_settings, parse_model_options
from slan_mm.config import read_config

ROOT = Path(__file__).parents[2]


def test_the_settings_of_the_command_line_are_in_the_config(tmp_path):
    (tmp_path / 'config.py').write_text('a = dict(b=1, c=2)\n')
    options = parse_model_options('What for.', [str(tmp_path / 'config.py'), 'w.pth', '--cfg-options', 'a.b=3'])
    assert options.checkpoint == 'w.pth' and options.device is None
    assert read_config(options.config, options.cfg_options).a == dict(b=3, c=2)
    options = parse_model_options('What for.', [str(tmp_path / 'config.py'), 'w.pth'])
    assert read_config(options.config, options.cfg_options).a == dict(b=1, c=2)


def test_a_setting_without_a_value_is_told(capsys):
    parser = argparse.ArgumentParser()
    add_settings(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'a=1', 'model.depth'])
    assert "--cfg-options: 'model.depth' is no key=value" in capsys.readouterr().err


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The name of a model's folder in the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ('config.json', 'model.safetensors'):
        (tmp_path / 'tiny' / name).parent.mkdir(exist_ok=True)
        (tmp_path / 'tiny' / name).write_text('{}')
    return 'tiny'


def parsed(tool, *words):
    options = runpy.run_path(str(ROOT / 'tools' / tool))['parse_options'](list(words))
    return options.config, options.checkpoint, getattr(options, 'inputs', None)


@pytest.mark.parametrize('model', ['tiny', 'user/name'])
def test_one_model_stands_for_config_and_checkpoint(folder, model):
    assert parsed('test.py', model) == (model, model, None)
    assert parsed('test.py', '--out', 'new/metrics.json', model) == (model, model, None)
    asked = ['--text', 'a [dog]', '--out-dir', 'new/pages']
    assert parsed('infer.py', 'grounding', model, 'new/dog', *asked) == (model, model, ['new/dog'])
    assert parsed('infer.py', 'grounding', model, *asked[:2], 'new/dog') == (model, model, ['new/dog'])
    assert parsed('index.py', 'add', 'new/index', model, 'a.jpg', 'new/b') == (model, model, ['a.jpg', 'new/b'])
    assert parsed('search.py', 'new/index', model, *asked[:2]) == (model, model, None)
    assert parsed('visualize.py', 'levels', model) == (model, model, None)
    assert parsed('model_converters/slan_to_onnx.py', model, 'new/out') == (model, model, None)
    for tool in ('grounding_errors', 'shapes_errors'):
        assert parsed(f'analysis/{tool}.py', model) == (model, model, None)


def test_config_and_checkpoint_stay_what_they_are(folder):
    assert parsed('test.py', 'c.py', 'w.pth') == ('c.py', 'w.pth', None)
    assert parsed('test.py', 'tiny', 'w.pth') == ('tiny', 'w.pth', None)
    assert parsed('test.py', 'tiny', 'tiny') == ('tiny', 'tiny', None)
    given = ['infer.py', 'captioning']
    assert parsed(*given, 'tiny', 'tiny', 'a.jpg') == ('tiny', 'tiny', ['a.jpg'])
    # Of the form of a name on a hub, but in another place.
    assert parsed(*given, 'c.py', 'runs/x', 'new/b') == ('c.py', 'runs/x', ['new/b'])
    assert parsed('index.py', 'add', 'new/index', 'c.py', 'w.pth', 'new/b') == ('c.py', 'w.pth', ['new/b'])


def test_mistakes_are_still_told(folder, capsys):
    for words in (['tiny', '--no-such'], ['c.py'], []):
        with pytest.raises(SystemExit):
            parsed('test.py', *words)
        assert 'error: ' in capsys.readouterr().err


def test_every_tool_of_a_model_takes_a_folder():
    """Config and checkpoint come from ``add_model`` alone; but two tools make a model, and app.py needs none."""
    own = {
        path.name
        for path in (ROOT / 'tools').rglob('*.py')
        if re.search(r"add_argument\(\s*'checkpoints?'", path.read_text())
    }
    assert own == {'publish.py', 'detr_to_slan.py', 'app.py'}
    assert parsed('app.py', 'folder')[:2] == ('folder', None), 'a folder needs no checkpoint'
