"""model-index.yml and the metafiles: every config is listed once, as what it is, and no result without its run."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).parents[2]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
FILES = {path: yaml.safe_load((ROOT / path).read_text()) for path in INDEX}
COLLECTIONS = [collection for file in FILES.values() for collection in file.get('Collections', [])]
MODELS = [(path, model) for path, file in FILES.items() for model in file['Models']]
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix() for path in ROOT.glob('configs/*/*.py') if path.parent.name != '_base_'
)
#: What the backbone of a config may be called, by its type.
BACKBONES = {
    'mmdet.ResNet': 'ResNet',
    'mmpretrain.VisionTransformer': 'ViT',
    'mmpretrain.TIMMBackbone': 'EfficientNet-Lite{size}',
    'PairBackbone': ('CLIP ViT', 'SigLIP 2 ViT'),
    'TransformersBackbone': 'DINOv2 ViT',
    'ResNet': 'ResNet',
    'CSPNeXt': 'CSPNeXt',
    'slan_mm.FrozenBackbone': 'EfficientNet-Lite0',
}


def test_every_metafile_is_imported():
    assert sorted(INDEX) == sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob('configs/*/metafile.yml'))


def test_every_config_is_listed_once_in_its_own_folder():
    assert sorted(model['Config'] for _, model in MODELS) == CONFIGS
    assert all(Path(model['Config']).parent == Path(path).parent for path, model in MODELS)
    assert max(Counter(model['Name'] for _, model in MODELS).values()) == 1


def test_what_is_named_is_there():
    assert [collection['Name'] for collection in COLLECTIONS] == ['SLAN']
    for _, model in MODELS:
        assert model['In Collection'] == 'SLAN'
        config = Path(model['Config'])
        # Two folders may have configs of one name.
        assert model['Name'] in (config.stem, f'{config.stem}_{config.parent.name}')
        assert (ROOT / model['README']).is_file(), model['README']
        assert {'Task', 'Backbone'} <= set(model['Metadata'])


@pytest.mark.parametrize('folder', [str(Path(path).parent) for path in INDEX])
def test_the_metadata_are_those_of_the_config(folder):
    for path, model in MODELS:
        if str(Path(path).parent) == folder:
            cfg = Config.fromfile(ROOT / model['Config'])
            # A detector of mmdet has no image encoder.
            backbone = cfg.model.image.encoder.backbone if 'image' in cfg.model else cfg.model.backbone
            names = BACKBONES[backbone.type]
            if 'model_name' in backbone:
                names = names.format(size=backbone.model_name[-1])
            assert model['Metadata']['Backbone'].startswith(names), model['Name']
            trains = cfg.get('train_dataloader') is not None
            assert ('Training Data' in model['Metadata']) == trains, model['Name']
            data = cfg.train_dataloader.dataset.type if trains else ''
            if data.startswith('Shapes'):
                assert model['Metadata']['Training Data'] == f'{data}, generated', model['Name']
            assert ('Test Data' in model['Metadata']) == (not trains), model['Name']


def check_results(model, root=ROOT):
    """Every figure of ``Results`` is, as far as its digits go, in the record of a run of the model's config."""
    for result in model.get('Results', []):
        record = json.loads((root / result['Source']).read_text())
        assert record['finished'] and record['config'] == model['Config']
        for name, value in result['Metrics'].items():
            digits = len(str(value).partition('.')[2])
            assert abs(record['test'][name] - value) <= 0.51 * 10**-digits, f'{model["Name"]}: {name}'


def check_weights(model, root=ROOT):
    """Weights are a file of the repository with the sha256 told, and carry results."""
    if 'Weights' in model:
        assert hashlib.sha256((root / model['Weights']).read_bytes()).hexdigest() == model['SHA256']
        assert model['Results']


def test_all_published_weights_are_listed():
    listed = {model['Weights'] for _, model in MODELS if 'Weights' in model}
    assert listed == {path.relative_to(ROOT).as_posix() for path in ROOT.glob('checkpoints/*/model.safetensors')}


def test_results_and_weights_have_a_source():
    for _, model in MODELS:
        check_results(model)
        check_weights(model)


def test_a_result_that_nobody_measured_is_found(tmp_path):
    record = dict(finished=True, config='c.py', test={'grounding/R1': 61.04})
    (tmp_path / 'run.json').write_text(json.dumps(record))
    (tmp_path / 'x.safetensors').write_bytes(b'weights')
    results = [dict(Task='Phrase Grounding', Source='run.json', Metrics={'grounding/R1': 61.0})]
    model = dict(Name='m', Config='c.py', Results=results, Weights='x.safetensors')
    model['SHA256'] = hashlib.sha256(b'weights').hexdigest()
    check_results(model, tmp_path)
    check_weights(model, tmp_path)
    results[0]['Metrics']['grounding/R1'] = 62.0
    with pytest.raises(AssertionError, match='grounding/R1'):
        check_results(model, tmp_path)
    with pytest.raises(AssertionError):
        check_weights({**model, 'SHA256': 'other'}, tmp_path)
