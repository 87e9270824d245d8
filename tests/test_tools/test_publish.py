"""Weights to give away: what is in the file, what is said of it, and that everything reads it."""

import hashlib
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from PIL import Image
from safetensors.torch import load_file
from support.toy import SIZE, build_toy_slan, toy_config

from slan_mm.apis import SLANInferencer
from slan_mm.registry import RUNNERS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/model_converters/publish.py'))


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A folder with a config, and a training checkpoint with its record."""
    folder = tmp_path_factory.mktemp('publish')
    data = dict(type='ShapesPairs', split='test', task='grounding', num_images=4, image_size=SIZE)
    loader = dict(
        batch_size=4,
        num_workers=0,
        dataset=data,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
    )
    config = dict(
        model=toy_config(),
        image_size=SIZE,
        default_scope='slan_mm',
        train_dataloader=dict(dataset=dict(type='ShapesPairs')),
        test_dataloader=dict(grounding=loader),
        test_evaluator=dict(grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')])),
    )
    Config(config).dump(folder / 'toy.py')
    state = build_toy_slan().state_dict()
    torch.save(dict(state_dict=state, optimizer={'state': torch.zeros(10**6)}), folder / 'iter_9.pth')
    record = dict(
        config='toy.py',
        command='python tools/train.py toy.py --cfg-options "a=[1, 2]"',
        commit='abc',
        seed=2,
        steps=9,
        train_seconds=90.0,
        finished=True,
        test={'grounding/R1': 12.34567},
    )
    (folder / 'run.json').write_text(json.dumps(record))
    return folder


@pytest.fixture(scope='module')
def published(tool, run):
    target = run / 'out' / 'toy.safetensors'
    tool['main']([str(run / 'toy.py'), str(run / 'iter_9.pth'), str(target)])
    return target


def test_the_weights_and_nothing_else(run, published):
    trained = torch.load(run / 'iter_9.pth')['state_dict']
    given = load_file(published)
    assert given.keys() == trained.keys()
    assert all(torch.equal(given[name], value) for name, value in trained.items())
    assert published.stat().st_size < (run / 'iter_9.pth').stat().st_size - 3.9e6, 'the optimizer is left out'


def test_the_metafile_says_what_they_are(published):
    about = yaml.safe_load(published.with_suffix('.yml').read_text())
    assert about['SHA256'] == hashlib.sha256(published.read_bytes()).hexdigest()
    assert about['Results'] == {'grounding/R1': 12.3457}
    assert about['Config'] == 'toy.py' and about['Weights'] == 'toy.safetensors'
    metadata = about['Metadata']
    assert metadata['Command'] == 'python tools/train.py toy.py --cfg-options "a=[1, 2]"'
    assert metadata['Training Data'] == 'ShapesPairs'
    assert (metadata['Seed'], metadata['Iterations'], metadata['Training minutes']) == (2, 9, 1.5)
    assert metadata['Parameters'] == sum(value.numel() for value in load_file(published).values())


def test_inference_and_test_read_the_file_as_the_checkpoint(run, published, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)).save(tmp_path / 'p.png')
    answers, scores = [], []
    for weights in (run / 'iter_9.pth', published):
        inferencer = SLANInferencer('grounding', run / 'toy.py', weights, device='cpu', show_progress=False)
        answers.append(inferencer(tmp_path / 'p.png', 'a [red] [circle]')['predictions'])
        cfg = Config.fromfile(run / 'toy.py')
        cfg.merge_from_dict(
            dict(work_dir=str(tmp_path), load_from=str(weights), test_cfg=dict(type='TaskLoop'), log_level='ERROR')
        )
        cfg.experiment_name = f'publish{weights.suffix}'
        cfg.pop('train_dataloader')
        cfg.launcher = 'none'
        scores.append(RUNNERS.build(cfg).test())
    assert answers[0] == answers[1] and scores[0] == scores[1]


def test_what_is_not_to_be_given_away(tool, run, tmp_path):
    record = json.loads((run / 'run.json').read_text())

    def publish(checkpoint='iter_9.pth', **changes):
        (tmp_path / 'run.json').write_text(json.dumps(record | changes))
        target, known = str(tmp_path / 'x.safetensors'), ['--run', str(tmp_path / 'run.json')]
        tool['main']([str(run / 'toy.py'), str(run / checkpoint), target, *known])

    for changes, said in (
        (dict(finished=False), 'not finished'),
        (dict(config='other.py'), 'of a run of other.py'),
        (dict(test_checkpoint='best_x_iter_3.pth'), 'metrics of best_x_iter_3.pth, not of iter_9.pth'),
    ):
        with pytest.raises(SystemExit, match=said):
            publish(**changes)
    state = torch.load(run / 'iter_9.pth')['state_dict']
    state.pop('locator.adaptors.0.norm.weight')
    torch.save(dict(state_dict=state), run / 'half.pth')
    with pytest.raises(SystemExit, match=r'locator\.adaptors\.0\.norm\.weight'):
        publish('half.pth')
    assert not (tmp_path / 'x.safetensors').exists()
