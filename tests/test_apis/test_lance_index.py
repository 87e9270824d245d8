"""An index in LanceDB, with features that no model made: writers and readers at once, kills, and what is no index."""

import shutil

import pytest
import torch
from support.pictures_index import HEADER, add, features_of, held

from slan_mm.apis.index_engines import open_index
from slan_mm.apis.index_parts import PictureIndexError
from slan_mm.apis.lance_index import LanceIndex


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    index = open_index(tmp_path_factory.mktemp('lance') / 'index', HEADER, 'lancedb')
    assert isinstance(index, LanceIndex)
    index.store_features = True
    add(index, [0, 1, 2])
    index.save()
    return index.folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / 'index')


def test_adding_changing_and_removing(folder):
    index = open_index(folder, HEADER)
    assert held(index) == [0, 1, 2] and index.store_features and len(index) == 3
    before = index.pictures['/pictures/1.jpg'].id
    add(index, [1, 5])
    index.remove(['/pictures/0.jpg'])
    assert held(open_index(folder)) == [0, 1, 2]
    index.save()
    assert held(index) == held(open_index(folder)) == [1, 2, 5]
    assert index.pictures['/pictures/1.jpg'].id > before
    assert index.changed(['/pictures/1.jpg', '/new.jpg']) == ['/pictures/1.jpg', '/new.jpg']
    with pytest.raises(KeyError, match='not in the index'):
        index.remove(['/pictures/0.jpg'])
    found = index.nearest(features_of([2, 5]).embedding, 1)
    assert [entry.pictures[0].path for entry in found] == ['/pictures/2.jpg', '/pictures/5.jpg']


def test_two_writers_and_readers_at_once_lose_nothing(folder):
    one, other, reader = (open_index(folder) for _ in range(3))
    add(one, [3, 1])
    add(other, [4, 1])
    one.save()
    other.save()
    assert held(reader) == [0, 1, 2], 'the version that was opened'
    now = open_index(folder)
    # Both have encoded 1 again: it is there once.
    assert held(now) == [0, 1, 2, 3, 4]
    one, other = open_index(folder), open_index(folder)
    one.remove(['/pictures/0.jpg'])
    other.remove(['/pictures/0.jpg', '/pictures/2.jpg'])
    other.save()
    one.save()
    assert held(open_index(folder)) == [1, 3, 4]


def test_an_index_that_was_never_saved_or_is_empty(folder, tmp_path):
    index = LanceIndex(tmp_path / 'new', HEADER)
    add(index, [1])
    with pytest.raises(PictureIndexError, match='is empty or does not exist'):
        index.nearest(features_of([1]).embedding, 1)
    assert not (tmp_path / 'new' / 'pictures.lance').exists()
    with pytest.raises(PictureIndexError, match='is no index of pictures'):
        LanceIndex(tmp_path / 'none')
    index = open_index(folder)
    index.remove(list(index.pictures))
    index.save()
    with pytest.raises(PictureIndexError, match='is empty'):
        open_index(folder).nearest(features_of([1]).embedding, 1)


def test_what_does_not_fit_is_refused(folder):
    with pytest.raises(PictureIndexError, match='other weights of the model'):
        open_index(folder, {'weights': 'others'})
    with pytest.raises(PictureIndexError, match='is kept by lancedb'):
        open_index(folder, HEADER, 'faiss')
    for queries in (torch.ones(1, 2), torch.full((1, 3), torch.nan)):
        with pytest.raises(ValueError, match='finite numbers are needed where pictures have 3'):
            open_index(folder).nearest(queries, 1)
    for path in (folder / 'header.lance').rglob('*.lance'):
        path.write_bytes(b'no table')
    with pytest.raises(PictureIndexError, match=r'is damaged .*index.py add'):
        open_index(folder)


def test_a_users_own_folder_is_left_alone(tmp_path):
    (tmp_path / 'features').mkdir()
    with pytest.raises(FileExistsError, match='features is there already, and this tool did not write it'):
        add(LanceIndex(tmp_path, HEADER), [1])
