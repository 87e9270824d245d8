"""What comes with the package is found from any folder."""

import pytest

from slan_mm.shipped import PARTS, ROOT, TINY_MODEL, find_shipped


def test_the_parts_are_there():
    for name in (*PARTS, *TINY_MODEL):
        assert (ROOT / name).exists(), name


def test_names_of_the_package_are_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in TINY_MODEL:
        assert find_shipped(name) == str(ROOT / name)


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
