"""Checkpoints and what stands beside them: changed files are read as they were written, or refused in a line."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from support.fuzzing import fuzz

from slan_mm.engine.checkpoint_io import LAST, load_from_file, read_pointer, resumable_checkpoints
from slan_mm.engine.hooks.run_record_hook import read_record
from slan_mm.models.image.backbone_weights import read_state_dict

WEIGHTS = {'weight': torch.arange(512.0), 'bias': torch.ones(16), 'count': torch.tensor(3)}


def told(error):
    """Code in a pickle is refused by an error of its own."""
    return isinstance(error, pickle.UnpicklingError) and '\n' not in str(error)


def as_written(found):
    assert found.keys() == WEIGHTS.keys()
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in WEIGHTS.items())


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({'state_dict': WEIGHTS, 'meta': dict(iter=10), 'optimizer': {'state': {}}}, tmp_path / 'iter_10.pth')
    return tmp_path / 'iter_10.pth'


def test_fuzzed_checkpoints(checkpoint):
    def check(found):
        as_written(found['state_dict'])
        assert found['meta'] == dict(iter=10) and found['optimizer'] == {'state': {}}

    counts = fuzz(lambda: load_from_file(str(checkpoint)), checkpoint, check, skipped=told)
    assert counts['refused'] > 0


@pytest.mark.parametrize('beside', ['yml', 'header'])
def test_fuzzed_safetensors(tmp_path, beside):
    """With a checksum beside the weights; and without: then what is read is what the file says."""
    file = tmp_path / 'a.safetensors'
    file.write_bytes(save(WEIGHTS))
    if beside == 'yml':
        (tmp_path / 'a.yml').write_text(f'Name: a\nSHA256: {hashlib.sha256(file.read_bytes()).hexdigest()}\n')

    def check(found):
        if beside == 'yml':
            as_written(found['state_dict'])
        else:
            plain = load_file(file)
            assert plain.keys() == found['state_dict'].keys()
            assert all(torch.equal(value, found['state_dict'][name]) for name, value in plain.items())
            assert all(value.isfinite().all() for value in plain.values() if value.is_floating_point())

    counts = fuzz(lambda: load_from_file(str(file)), file, check)
    assert counts['refused'] > 0


def test_fuzzed_metafile(tmp_path):
    """A damaged checksum never lets other weights in, and only it keeps whole ones out."""
    file, beside = tmp_path / 'a.safetensors', tmp_path / 'a.yml'
    file.write_bytes(save(WEIGHTS))
    beside.write_text(f'Name: a\nSHA256: {hashlib.sha256(file.read_bytes()).hexdigest()}\nResults:\n  r1: 1.5\n')
    counts = fuzz(lambda: load_from_file(str(file)), beside, lambda found: as_written(found['state_dict']))
    assert min(counts.values()) > 0


def test_fuzzed_backbones(tmp_path):
    file = tmp_path / 'backbone.pth'
    torch.save({'model': WEIGHTS}, file)
    counts = fuzz(lambda: read_state_dict(file), file, as_written, skipped=told)
    assert counts['refused'] > 0


def test_fuzzed_record(tmp_path):
    file = tmp_path / 'run.json'
    file.write_text(json.dumps(dict(config='c.py', seed=1, test={'r1': 1.5}, finished=True, train_seconds=2.5)))
    counts = fuzz(
        lambda: read_record(tmp_path), file, lambda record: assert_equal(record, json.loads(file.read_bytes()))
    )
    assert min(counts.values()) > 0


def assert_equal(one, other):
    assert one == other


def test_fuzzed_pointer(checkpoint):
    """The newest checkpoint is found whatever the pointer says; a pointer that is read is followed."""
    pointer = checkpoint.parent / LAST
    pointer.write_text(str(checkpoint))

    def check(named):
        assert named == checkpoint or named == Path(pointer.read_text().strip())
        assert resumable_checkpoints(checkpoint.parent)[-1:] == [checkpoint]

    counts = fuzz(lambda: read_pointer(pointer), pointer, check)
    assert min(counts.values()) > 0
