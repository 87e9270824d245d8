"""What comes with the package is found from any folder."""

import pytest

from slan_mm import shipped
from slan_mm.engine.checkpoint_io import existing_checkpoint
from slan_mm.shipped import PARTS, ROOT, TINY_MODEL, find_shipped


def test_the_parts_are_there():
    for name in (*PARTS, *TINY_MODEL):
        assert (ROOT / name).exists(), name


def test_names_of_the_package_are_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in TINY_MODEL:
        assert find_shipped(name) == str(ROOT / name)


def test_the_link_to_the_weights_is_found_where_a_wheel_lacks_it(tmp_path, monkeypatch):
    weights = tmp_path / 'package' / 'checkpoints' / 'small' / 'model.safetensors'
    weights.parent.mkdir(parents=True)
    weights.write_text('')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, 'ROOT', tmp_path / 'package')
    assert find_shipped('checkpoints/small.safetensors') == str(weights)
    assert find_shipped('checkpoints/small') == str(weights.parent)
    assert find_shipped('checkpoints/large.safetensors') == 'checkpoints/large.safetensors'


def test_a_checkpoint_of_the_package_is_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = ROOT / TINY_MODEL[1]
    for name in ('slan_tiny_shapes_long', 'slan_tiny_shapes_long.safetensors'):
        assert existing_checkpoint(f'checkpoints/{name}').samefile(weights)


def test_a_file_of_the_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / TINY_MODEL[0]
    own.parent.mkdir(parents=True)
    own.write_text('')
    assert find_shipped(TINY_MODEL[0]) == TINY_MODEL[0]


@pytest.mark.parametrize(
    'text', ['a [dog]', '', '--text', 'configs/no_such.py', 'configs/../setup.py', 'README.md', '/configs', 'x' * 5000]
)
def test_other_arguments_stay(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_shipped(text) == text
