"""The weights in checkpoints/: they are what their metafiles say, load everywhere, and find what words name."""

import hashlib
import json
import runpy
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image

from slan_mm.apis import GroundingInferencer
from slan_mm.evaluation.metrics import GroundingMetric
from slan_mm.registry import DATASETS

ROOT = Path(__file__).parents[1]
METAFILES = sorted((ROOT / 'checkpoints').glob('*.yml'))
PICTURES = 50


def of(metafile):
    about = yaml.safe_load(metafile.read_text())
    return about, metafile.parent / about['Weights']


def test_there_is_one():
    assert METAFILES


@pytest.mark.parametrize('metafile', METAFILES, ids=lambda path: path.stem)
def test_the_file_is_the_one_its_metafile_is_of(metafile):
    about, weights = of(metafile)
    content = weights.read_bytes()
    assert hashlib.sha256(content).hexdigest() == about['SHA256']
    assert len(content) == about['Metadata']['Bytes'] <= 8e6
    assert (ROOT / about['Config']).is_file() and about['Config'] in about['Metadata']['Command']
    assert not about['Metadata']['Commit'].endswith('-changed')


@pytest.mark.parametrize('metafile', METAFILES, ids=lambda path: path.stem)
def test_it_points_as_well_as_its_metafile_says(metafile):
    about, weights = of(metafile)
    cfg = Config.fromfile(ROOT / about['Config'])
    model = GroundingInferencer(cfg, str(weights), 'cpu', show_progress=False).model
    dataset = DATASETS.build(cfg.test_dataloader.grounding.dataset)
    metric = GroundingMetric()
    metric.dataset_meta = dataset.metainfo
    batch = pseudo_collate([dataset[index] for index in range(PICTURES)])
    metric.process(None, [sample.to_dict() for sample in model.test_step(batch)])
    found = metric.evaluate(PICTURES)
    # The whole split has ten times as many pictures; of so few, eight points are the noise.
    for name in ('pointing', 'R1'):
        assert found[f'grounding/{name}'] == pytest.approx(about['Results'][f'grounding/{name}'], abs=8), name


@pytest.mark.parametrize('metafile', METAFILES, ids=lambda path: path.stem)
def test_tools_infer_reads_it(metafile, tmp_path):
    about, weights = of(metafile)
    dataset = DATASETS.build(Config.fromfile(ROOT / about['Config']).test_dataloader.grounding.dataset)
    picture = dataset[0]['inputs'].permute(1, 2, 0).numpy()
    Image.fromarray(picture).save(tmp_path / 'picture.png')
    tool = runpy.run_path(str(ROOT / 'tools/infer.py'))
    sample = dataset[0]['data_samples']
    start, end = sample.phrases[0]['spans'][0]
    text = f'{sample.text[:start]}[{sample.text[start:end]}]{sample.text[end:]}'
    config = str(ROOT / about['Config'])
    out = tmp_path / 'out'
    arguments = ['grounding', config, str(weights), str(tmp_path / 'picture.png'), '--text', text]
    tool['main']([*arguments, '--device', 'cpu', '--out-dir', str(out)])
    (prediction,) = json.loads((out / 'predictions.json').read_text())
    assert prediction['phrases'][0]['phrase'] == sample.text[start:end]
    assert len(prediction['phrases'][0]['boxes'][0]) == 4 and list(out.glob('*.jpg'))
