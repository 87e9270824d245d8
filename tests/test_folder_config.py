"""A config.json of anyone: it is data, and what it must not say is refused before anything is built."""

import json
import os
from copy import deepcopy

import pytest
from mmengine.config import Config
from support.toy import SIZE, toy_config

from slan_mm.config import read_config
from slan_mm.folder_config import HERE, is_registered
from slan_mm.models.portable_config import portable_parts
from slan_mm.models.trained import build_applied


@pytest.fixture(scope='module')
def parts():
    cfg = Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm'))
    return portable_parts(cfg, build_applied(cfg))


@pytest.fixture
def read(parts, tmp_path):
    """Reads a folder whose config.json has ``value`` at a place."""

    def read(place, value):
        content = deepcopy(parts)
        *outer, last = place.split('.')
        part = content
        for name in outer:
            part = part.setdefault(name, {})
        part[last] = value
        (tmp_path / 'config.json').write_text(json.dumps(content))
        (tmp_path / 'model.safetensors').write_bytes(b'')
        return read_config(tmp_path)

    return read


def test_what_was_saved_is_read(read, parts, tmp_path):
    cfg = read('image_size', SIZE)
    assert cfg.load_from == str(tmp_path / 'model.safetensors')
    cfg.pop('load_from')
    assert cfg.to_dict() == parts


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [
        # What MMEngine would import, include or fill in.
        ('custom_imports', dict(imports=['evil']), "it has 'custom_imports'"),
        ('_base_', '/etc/base.py', "it has '_base_'"),
        ('model._base_', 'x.py', 'steer how configs are read'),
        ('model._scope_', 'evil', 'steer how configs are read'),
        ('default_scope', 'evil', 'default_scope must be slan_mm'),
        ('custom_hooks', [dict(type='TimelineHook', path='x')], "it has 'custom_hooks'"),
        # What a type would import and call.
        ('model.type', 'os.system', "model.type: 'os.system' is no component"),
        ('model.type', 'slan_mm.apis.init_model', 'is no component'),
        ('model.type', 'mmengine.dump', 'is no component'),
        ('model.type', 'mmengine.Runner', 'is no component'),
        ('model.type', ['SLAN'], 'is no component'),
        ('model.image.encoder.backbone', dict(type='mmpretrain.HuggingFaceClassifier'), 'is no component'),
        ('model.text.encoder.model', dict(type='mmpretrain.AutoModelForCausalLM'), 'is no component'),
        ('model.image.deep', [{'a': [{'type': 'subprocess.Popen'}]}], 'model.image.deep.0.a.0.type'),
        ('default_hooks.x', dict(type='PredictionFileHook', path='x'), 'is no component'),
        ('visualizer', dict(type='Visualizer', vis_backends=[dict(type='WandbVisBackend')]), 'vis_backends.0.type'),
        ('runner_type', 'evil.Runner', 'runner_type'),
        # Weights, code and data from elsewhere.
        ('model.init_cfg', dict(type='Pretrained', checkpoint='x'), 'all weights are in model.safetensors'),
        ('model.image.encoder.backbone_checkpoint', 'x.safetensors', 'all weights are in'),
        ('model.image.encoder.backbone.pretrained', True, 'all weights are in'),
        ('model.text.encoder.model', 'evil/bert', 'is read from elsewhere'),
        ('model.text.encoder.tokenizer', 'evil/bert', 'is read from elsewhere'),
        ('model.text.encoder.tokenizer', dict(type='HFTokenizer', name_or_path='bert'), 'is read from elsewhere'),
        ('model.text.encoder.local_files_only', False, 'nothing is fetched'),
        ('model.text.encoder.trust_remote_code', True, 'code of a model is never run'),
        ('model.image.encoder.backbone.model_name', 'hf-hub:evil/vit', 'leads to the network'),
        ('test_dataloader.data_root', 'http://evil/data', 'leads to the network'),
        # Out of the folder, and files that hold code.
        ('model.text.encoder.tokenizer', f'{HERE}/../../secret', 'leads out of the folder'),
        ('test_dataloader.data_root', '/etc', 'leads out of the folder'),
        ('test_dataloader.data_root', '~/.ssh', 'leads out of the folder'),
        ('test_evaluator.results', 'a/../../x.json', 'leads out of the folder'),
        ('test_dataloader.ann_file', 'data.pkl', 'may hold code'),
        ('test_dataloader.ann_file', f'{HERE}/x.json', 'would be filled in'),
        ('test_dataloader.ann_file', '{{$HOME}}/x.json', 'would be filled in'),
    ],
)
def test_what_a_hostile_folder_says_is_refused(read, place, value, said, monkeypatch):
    monkeypatch.setattr(os, 'system', lambda *_: pytest.fail('called'))
    with pytest.raises(ValueError, match=r'config\.json is refused: ') as told:
        read(place, value)
    assert said in str(told.value)


@pytest.mark.parametrize('content', ['[]', '{}', '{"model": 1}', '{"model": {"type": "SLAN"}', '[' * 9000, '\ud800'])
def test_what_is_no_config_is_told(content, tmp_path):
    (tmp_path / 'config.json').write_text(content, errors='surrogatepass')
    (tmp_path / 'model.safetensors').write_bytes(b'')
    with pytest.raises(ValueError, match=r'config\.json'):
        read_config(tmp_path)


def test_depth_is_limited(read):
    deep = {}
    for _ in range(100):
        deep = {'a': deep}
    with pytest.raises(ValueError, match='nested too deep'):
        read('model.x', deep)


def test_paths_of_the_model_are_those_of_the_folder(read, tmp_path):
    cfg = read('model.text.encoder.tokenizer', dict(type='HFTokenizer', name_or_path=f'{HERE}/tokenizer'))
    assert cfg.model.text.encoder.tokenizer.name_or_path == f'{tmp_path.resolve()}/tokenizer'


def test_names_of_the_libraries_are_known():
    assert all(map(is_registered, ['SLAN', 'slan_mm.SLAN', 'mmdet.ResNet', 'mmpretrain.VisionTransformer', 'GN']))
    assert not any(
        map(is_registered, ['', '.', 'slan_mm.', 'builtins.eval', 'eval', 'mmdet.models.ResNet', 'torch.nn'])
    )
