"""Folders of models whose files are changed: the model is the one that the files say, or a line refuses them."""

import json
import re

import pytest
import torch
from mmengine.config import Config
from support.fuzzing import FEW_ROUNDS, fuzz
from support.text_models import build_tokenizer
from support.toy import SIZE, toy_config

from slan_mm.folder_config import HERE, read_folder_config
from slan_mm.models import SLAN
from slan_mm.models.text.tokenizer import hf_tokenizer
from slan_mm.models.trained import build_applied


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    cfg = Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm'))
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('saved') / 'model'
    build_applied(cfg).eval().save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def written(folder):
    return SLAN.from_pretrained(folder).state_dict()


def check_state(model, written):
    state = model.state_dict()
    assert state.keys() == written.keys()
    assert all(torch.equal(value, written[name]) for name, value in state.items())


def test_fuzzed_configs(folder):
    """A config that is taken is what the file says."""
    file = folder / 'config.json'

    def check(config):
        found = json.loads(json.dumps(config.to_dict()))
        assert found.pop('load_from') == str(folder / 'model.safetensors')
        told = json.dumps(json.loads(file.read_bytes())).replace(f'"{HERE}/', f'"{folder.resolve()}/')
        assert found == json.loads(told)

    counts = fuzz(lambda: read_folder_config(folder), file, check)
    assert min(counts.values()) > 0


def test_fuzzed_models(folder, written):
    """A model that is built from a changed config has all weights of the file."""

    def told(error):
        # What cannot be built, or does not fit, is told with the class; PyTorch lists what does not fit in lines.
        return isinstance(error, ValueError) and re.search('of this config|cannot be built|holds a ', str(error))

    counts = fuzz(
        lambda: SLAN.from_pretrained(folder), folder / 'config.json', lambda model: check_state(model, written),
        rounds=FEW_ROUNDS, skipped=told,
    )  # fmt: skip
    assert counts['refused'] > 0


@pytest.mark.parametrize('name', ['model.safetensors', 'run.json'])
def test_fuzzed_weights(folder, written, name):
    def told(error):
        return isinstance(error, ValueError) and 'model.safetensors' in str(error)

    counts = fuzz(
        lambda: SLAN.from_pretrained(folder), folder / name, lambda model: check_state(model, written),
        rounds=FEW_ROUNDS, skipped=told,
    )  # fmt: skip
    assert counts['refused'] > 0


@pytest.mark.parametrize('name', ['tokenizer.json', 'tokenizer_config.json'])
def test_fuzzed_tokenizers(tmp_path, name):
    """What transformers cannot read is one error with advice."""
    build_tokenizer('wordpiece').save_pretrained(tmp_path)

    def check(tokenizer):
        assert tokenizer.is_fast

    def told(error):
        return isinstance(error, OSError | ValueError) and str(tmp_path) in str(error)

    counts = fuzz(lambda: hf_tokenizer(str(tmp_path)), tmp_path / name, check, skipped=told)
    assert counts['read'] > 0
