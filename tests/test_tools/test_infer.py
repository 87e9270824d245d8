"""The tool that runs a model on a user's pictures, on a model that has learned nothing."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support.film import write_film
from support.toy import SIZE, toy_config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools' / 'infer.py'))


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
    out = tmp_path / 'new'
    text = ['--text', 'a [red circle] and a [square]']
    tool['main'](['grounding', *files, *text, '--out-dir', str(out), '--top', '2', '--device', 'cpu'])
    lines = capsys.readouterr().out.splitlines()
    assert f'{files[2]}: a red circle and a square' in lines
    assert [line.split(':')[0] for line in lines if 'score' in line] == ['  red circle'] * 2 + ['  square'] * 2
    assert lines[-1] == f'written: {out}'
    with Image.open(out / '00000_p.jpg') as page:
        assert page.width > 700
    (prediction,) = json.loads((out / 'predictions.json').read_text())
    assert prediction['size'] == [50, 70] and len(prediction['phrases'][0]['boxes']) == 2


def test_finds_pictures(tool, files, capsys):
    tool['main'](['retrieval', *files, '--text', 'a star', '--text', 'a cross', '--device', 'cpu'])
    lines = capsys.readouterr().out.splitlines()[-4:]
    assert lines[0] == 'a star' and lines[2] == 'a cross'
    assert all(files[2] in line and 'score' in line for line in lines[1::2])


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [
        (4, 'a [dog', "without ']'"),
        (2, 'gone.jpg', r'there is no picture gone\.jpg'),
        (1, 'gone.pth', r'no checkpoint gone\.pth'),
        (0, 'gone.py', r'no config gone\.py'),
        (slice(5, 5), ['--options', 'tops=2'], 'grounding has no option tops'),
        (slice(5, 5), ['--options', 'top=abc'], "top must be a whole number of at least 1, got 'abc'"),
        (slice(5, 5), ['--options', 'find=verbs'], "find must be 'words' or 'noun_phrases'"),
        (slice(5, 5), ['--cfg-options', 'model.type=SLAM'], "there is no model 'SLAM', is 'SLAN' meant"),
        (slice(5, 5), ['--cfg-options', 'model.type=NLVR'], 'NLVR has no grounds_phrases'),
    ],
)
def test_mistakes_are_told_in_a_line_before_a_model_is_built(tool, files, place, value, said, monkeypatch):
    monkeypatch.setattr(MODELS, 'build', lambda *_: pytest.fail('built'))
    arguments = [*files, '--text', 'a [dog]']
    arguments[place] = value
    with pytest.raises(SystemExit, match=f'infer: .*{said}') as told:
        tool['main'](['grounding', *arguments, '--device', 'cpu'])
    assert '\n' not in str(told.value)


def test_a_video_is_answered_frame_by_frame(tool, files, tmp_path, capsys):
    film = write_film(tmp_path / 'clip.mp4', 3)
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(film.read_bytes()[:100])
    arguments = ['grounding', *files[:2], str(film), str(cut), '--text', 'a [star]', '--every', '2', '--device', 'cpu']
    tool['main']([*arguments, '--out-dir', str(tmp_path / 'out')])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(str(film))]
    assert line == f'{film}: 2 frames; written: {tmp_path}/out/00000_clip.mp4, {tmp_path}/out/00000_clip.json'
    assert len(json.loads((tmp_path / 'out' / '00000_clip.json').read_text())['answers']) == 2
    arguments.remove(str(film))
    with pytest.raises(SystemExit, match=f'infer: Cannot read video {cut}'):
        tool['main']([*arguments, '--out-dir', str(tmp_path / 'none')])


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ([], 'give --out-dir, and no --show'),
        (['--out-dir', 'out', '--show'], 'give --out-dir, and no --show'),
        (['p.png', '--every', '2', '--out-dir', 'out'], 'give videos alone'),
    ],
)
def test_a_command_line_for_videos_alone(tool, given, said, capsys):
    with pytest.raises(SystemExit):
        tool['parse_options'](['grounding', 'config.py', 'weights.pth', 'clip.mp4', *given, '--text', 'a [dog]'])
    assert said in capsys.readouterr().err


def test_texts_are_asked_for(tool, files, capsys):
    with pytest.raises(SystemExit):
        tool['main'](['grounding', *files])
    assert 'grounding needs --text' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        tool['main'](['captioning', *files, '--text', 'a dog'])
    assert 'captioning takes no --text' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        tool['main'](['captioning', *files, '--options', 'top'])
    assert "--options: 'top' is no key=value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('inputs=1', 'inputs is told by the images'),
        ('batch_size=2', 'batch_size is told by --batch-size'),
        ('pred_out_dir=x', 'pred_out_dir is told by --out-dir'),
        ('return_datasamples=True', 'return_datasamples is told by Python'),
    ],
)
def test_what_is_no_option_of_a_task(tool, option, said, capsys):
    asked = ['grounding', 'config.py', 'weights.pth', 'a.jpg', '--text', 'a', '--options', option]
    with pytest.raises(SystemExit):
        tool['parse_options'](asked)
    assert f'--options: {said}' in capsys.readouterr().err
