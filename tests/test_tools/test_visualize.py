"""The tool that draws the paper's figures, on a model that has learned nothing."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from safetensors.torch import save_file
from toy import SIZE, build_toy_slan, toy_config

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
    every = painter(parse([*arguments, '--count', '8']), files[1])
    overlaps = {look.sample_id: look.mean_overlap for look in tool['look_at'](every.model, every.items()[0])}
    ordered = sorted(overlaps, key=overlaps.get)
    for order, expected in (('worst', ordered[:2]), ('best', ordered[::-1][:2])):
        items, said = painter(parse([*arguments, '--count', '2', '--order', order]), files[1]).items()
        assert [item['data_samples'].sample_id for item in items] == expected
        assert said.startswith(f'The 2 {order} of 8 pictures')


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


def test_mistakes_are_told_in_a_line(tool, files):
    with pytest.raises(SystemExit, match="visualize: .*no test task 'boxes'"):
        tool['main'](['levels', *files[:2], '--task', 'boxes', '--device', 'cpu'])
