"""Which names are folders of models, which are names of a hub, and what is fetched: nothing that is not asked for."""

import logging

import huggingface_hub
import pytest

from slan_mm.config import read_config
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.model_folder import FILES, fetch, find_model_folder, is_hub_name, is_model_folder


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'model'
    folder.mkdir()
    for name in ('config.json', 'model.safetensors'):
        (folder / name).write_text('{"model": {"type": "SLAN"}}')
    return folder


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    fetch.cache_clear()
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', lambda *_, **__: pytest.fail('fetched'))
    yield
    fetch.cache_clear()


def test_a_folder_has_config_and_weights(folder):
    assert is_model_folder(folder) and find_model_folder(folder) == folder
    assert find_checkpoint(folder) == folder / 'model.safetensors'
    (folder / 'model.safetensors').unlink()
    assert not is_model_folder(folder) and find_model_folder(folder) is None


@pytest.mark.parametrize(
    ('name', 'is_one'),
    [
        ('user/name', True),
        ('user/name-v1.5', True),
        ('user', False),
        ('./user/name', False),
        ('~/name', False),
        ('../name', False),
        ('a/b/c', False),
        ('weights/x.pth', False),
        ('pictures/dog.jpg', False),
        ('configs/x.py', False),
        ('here/name', False),
        ('user/name\n', False),
        (7, False),
    ],
)
def test_a_slip_in_a_path_does_not_go_to_the_network(name, is_one, tmp_path, monkeypatch):
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path)
    assert is_hub_name(name) == is_one


def test_a_name_is_fetched_once_without_code_and_says_so(folder, monkeypatch, caplog, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = []

    def download(name, revision, allow_patterns):
        asked.append((name, revision, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, 'snapshot_download', download)
    with caplog.at_level(logging.WARNING, 'slan_mm'):
        assert find_checkpoint('user/name') == folder / 'model.safetensors'
        assert read_config('user/name').load_from == str(folder / 'model.safetensors')
    assert asked == [('user/name', None, list(FILES))]
    assert not any(pattern.endswith(('.py', '.bin', '.pth', '*')) for pattern in FILES)
    assert [line for line in caplog.messages if 'user/name is no folder here' in line]


def test_offline_it_is_said_in_a_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def download(*_, **__):
        raise huggingface_hub.errors.LocalEntryNotFoundError('offline\nand more lines')

    monkeypatch.setattr(huggingface_hub, 'snapshot_download', download)
    with pytest.raises(OSError, match=r'user/name is no folder here, and could not be fetched') as told:
        read_config('user/name')
    assert '\n' not in str(told.value) and 'HF_HUB_OFFLINE' in str(told.value)


def test_what_is_no_model_on_the_hub_is_told(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', lambda *_, **__: str(tmp_path))
    with pytest.raises(OSError, match=r'user/name of the model hub is no model of slan_mm'):
        find_model_folder('user/name')


@pytest.mark.parametrize('name', ['config.json', 'model.safetensors', 'tokenizer/tokenizer.json'])
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, name):
    (tmp_path / 'secret').write_text('{}')
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / 'secret')
    with pytest.raises(ValueError, match=rf'{name} is a link that leads out of the folder'):
        find_model_folder(folder)


def test_the_cache_of_a_hub_is_made_of_links(folder, tmp_path):
    blobs, snapshot = tmp_path / 'blobs', tmp_path / 'snapshots' / 'a1'
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for path in folder.iterdir():
        path.rename(blobs / path.name)
        (snapshot / path.name).symlink_to(blobs / path.name)
    assert find_model_folder(snapshot) == snapshot
