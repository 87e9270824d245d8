"""The tool that draws the paper's figures, on a model that has learned nothing."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from safetensors.torch import save_file
from support.toy import SIZE, build_toy_slan, toy_config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools' / 'visualize.py'))


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Config and two checkpoints, one of them bare weights."""
    folder = tmp_path_factory.mktemp('visualize')

    def loader(task):
        data = dict(type='ShapesPairs', split='test', task=task, num_images=8, image_size=SIZE)
        sampler = dict(type='DefaultSampler', shuffle=False)
        return dict(batch_size=4, num_workers=0, dataset=data, sampler=sampler, collate_fn=dict(type='pseudo_collate'))

    config = dict(
        model=toy_config(),
        image_size=SIZE,
        default_scope='slan_mm',
        test_dataloader=dict(grounding=loader('grounding'), retrieval=loader('retrieval')),
        test_evaluator=dict(retrieval=dict(type='RetrievalEvaluator', k=2)),
    )
    Config(config).dump(folder / 'toy_config.py')
    save_file(build_toy_slan().state_dict(), folder / 'toy.safetensors')
    torch.save(dict(state_dict=build_toy_slan(1).state_dict()), folder / 'early.pth')
    return [str(folder / name) for name in ('toy_config.py', 'toy.safetensors', 'early.pth')]


def page_of(path):
    with Image.open(path) as page:
        return np.asarray(page)


def test_all_figures_of_a_checkpoint(tool, files, tmp_path, capsys):
    tool['main'](['all', *files[:2], '--count', '2', '--out-dir', str(tmp_path), '--device', 'cpu'])
    names = ['levels', 'filter', 'activation', 'grounding', 'texts', 'retrieval']
    printed = [line for line in capsys.readouterr().out.splitlines() if line.endswith('.png')]
    assert printed == [str(tmp_path / f'{name}.png') for name in names]
    assert all(min(page_of(tmp_path / f'{name}.png').shape[:2]) > 400 for name in names)


def test_training_has_a_panel_for_each_checkpoint(tool, files, tmp_path):
    options = ['--count', '1', '--out-dir', str(tmp_path), '--device', 'cpu']
    tool['main'](['training', files[0], files[2], files[1], *options])
    two = page_of(tmp_path / 'training.png')
    tool['main'](['training', *files[:2], *options])
    assert two.shape[1] > page_of(tmp_path / 'training.png').shape[1]


def test_own_picture_and_texts(tool, files, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)).save(tmp_path / 'p.png')
    own = ['--picture', str(tmp_path / 'p.png'), '--text', 'a [red] star', '--text', 'a [blue] [cross]']
    tool['main'](['texts', *files[:2], *own, '--out-dir', str(tmp_path), '--device', 'cpu'])
    # Two texts of one picture stand side by side: twice 138 points and what is between and beside them.
    assert page_of(tmp_path / 'texts.png').shape[1] == pytest.approx((2 * 138 + 12 + 44) * 200 / 72, abs=2)


def test_the_worst_are_those_with_the_lowest_overlap(tool, files):
    parse, painter = tool['parse_options'], tool['Painter']
    arguments = ['grounding', *files[:2], '--device', 'cpu']
    cfg = Config.fromfile(files[0])
    every = painter(parse([*arguments, '--count', '8']), cfg, files[1])
    overlaps = {look.sample_id: look.mean_overlap for look in every.traces}
    ordered = sorted(overlaps, key=overlaps.get)
    for order, expected in (('worst', ordered[:2]), ('best', ordered[::-1][:2])):
        chosen = painter(parse([*arguments, '--count', '2', '--order', order]), cfg, files[1])
        assert [look.sample_id for look in chosen.traces] == expected
        assert chosen.said.startswith(f'The 2 {order} of 8 pictures') and chosen.said.endswith(
            f'{", ".join(expected)}.'
        )


def printed(capsys):
    lines = capsys.readouterr().out.splitlines()
    return [Path(line).stem for line in lines if line.endswith('.png')], [line for line in lines if 'left out' in line]


def test_all_draws_what_it_can_and_says_what_it_left_out(tool, files, tmp_path, capsys):
    own = ['--picture', str(tmp_path / 'p.png'), '--text', 'a small dog on the grass']
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)).save(own[1])
    common = ['--out-dir', str(tmp_path), '--device', 'cpu']
    tool['main'](['all', *files[:2], *own, *common])
    grounded = ['levels', 'filter', 'activation', 'grounding', 'texts']
    assert printed(capsys) == (grounded, ['left out: retrieval: it is of a data set, not of one picture'])
    # Without boxes to test on, as for own data.
    tool['main'](['all', *files[:2], '--task', 'boxes', *common])
    drawn, (line,) = printed(capsys)
    assert drawn == ['retrieval'] and line.startswith(f'left out: {", ".join(grounded)}: ')
    assert "has no test task 'boxes' but ['grounding', 'retrieval']; or give --picture" in line
    # What is seen only when it is drawn.
    broken = ['--cfg-options', 'test_dataloader.retrieval.dataset.split=none']
    tool['main'](['all', *files[:2], '--count', '1', *broken, *common])
    drawn, (line,) = printed(capsys)
    assert drawn == grounded and line.startswith('left out: retrieval: ')
    with pytest.raises(SystemExit, match='visualize: .*no test task'):
        tool['main'](['all', *files[:2], '--task', 'boxes', '--cfg-options', 'test_dataloader.retrieval=None', *common])


def test_a_text_without_brackets_has_its_noun_phrases(tool, files, tmp_path):
    Image.fromarray(np.zeros((50, 70, 3), np.uint8)).save(tmp_path / 'p.png')
    options = ['texts', *files[:2], '--picture', str(tmp_path / 'p.png'), '--text', 'a pink dress', '--device', 'cpu']
    painter = tool['Painter'](tool['parse_options'](options), Config.fromfile(files[0]), files[1])
    (look,) = painter.traces
    assert look.spans == [[[2, 12]]] and painter.said == 'Picture: p.png.'


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['levels', 'c.py', 'a.pth', 'b.pth'], 'of one checkpoint, 2 are given'),
        (['levels', 'c.py', 'a.pth', '--picture', 'p.png'], 'go together'),
        (['retrieval', 'c.py', 'a.pth', '--picture', 'p.png', '--text', 'x'], 'leave --picture out'),
    ],
)
def test_options_that_do_not_go_together(tool, arguments, said, capsys):
    with pytest.raises(SystemExit):
        tool['parse_options'](arguments)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['levels', '{0}', '{1}', '--task', 'boxes'], "no test task 'boxes'"),
        (['levels', '{0}', 'gone.pth'], r'no checkpoint gone\.pth'),
        (['levels', 'gone.py', '{1}'], r'no config gone\.py'),
        (['levels', '{0}', '{1}', '--picture', 'gone.jpg', '--text', 'a dog'], r'no picture gone\.jpg'),
        (['levels', '{0}', '{1}', '--cfg-options', 'model.type=SLAM'], "is 'SLAN' meant"),
        (['levels', '{0}', '{1}', '--picture', '.', '--text', 'a dog'], 'takes one picture, and . is a folder'),
    ],
)
def test_mistakes_are_told_in_a_line_before_a_model_is_built(tool, files, arguments, said, monkeypatch):
    monkeypatch.setattr(MODELS, 'build', lambda *_: pytest.fail('built'))
    with pytest.raises(SystemExit, match=f'visualize: .*{said}'):
        tool['main']([argument.format(*files) for argument in arguments])


def test_an_item_beyond_the_data_is_told(tool, files):
    with pytest.raises(SystemExit, match="visualize: --indices: the data of task 'grounding' have 8 items"):
        tool['main'](['levels', *files[:2], '--indices', '8', '--device', 'cpu'])


def test_pages_of_different_models_and_pictures_have_different_folders(tool):
    def folder(*arguments):
        return str(tool['parse_options'](['texts', *arguments]).out_dir)

    own = ['--picture', 'mine/dog.jpg', '--text', 'a dog']
    assert folder('configs/a.py', 'w.pth') == 'work_dirs/figures/a'
    assert folder('configs/b.py', 'w.pth', *own) == 'work_dirs/figures/b/dog'
    assert folder('configs/b.py', 'w.pth', '--out-dir', 'mine') == 'mine'
