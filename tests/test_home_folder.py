"""A tilde is a home folder, where it is somebody's."""

from pathlib import Path

from slan_mm.home_folder import expanded


def test_home_folders(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert expanded('~/a') == tmp_path / 'a'
    assert expanded('a/~b') == Path('a/~b')
    # A file that an editor has left behind, and no user.
    assert expanded('~nobody-has-this-name.png') == Path('~nobody-has-this-name.png')
