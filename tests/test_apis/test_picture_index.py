"""An index on disk, with features that no model made: two who change it, readers beside them, and damage."""

import json
import os
import resource
import signal
import zlib

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.fuzzing import fuzz
from support.pictures_index import HEADER, add, features_of, held

from slan_mm.apis import PictureIndex, PictureIndexError
from slan_mm.folder_lock import FolderInUseError


@pytest.fixture
def folder(tmp_path):
    index = PictureIndex(tmp_path / 'index', HEADER)
    index.store_features = True
    add(index, [0, 1, 2])
    index.save()
    return tmp_path / 'index'


def test_one_process_at_a_time_changes_an_index(folder):
    one, other = PictureIndex(folder), PictureIndex(folder)
    add(one, [3])
    for change in (lambda: add(other, [4]), lambda: other.remove(['/pictures/0.jpg']), other.save):
        with pytest.raises(FolderInUseError, match=f'{folder} is being changed by process {os.getpid()} on '):
            change()
    one.save()
    # The other has read what is no more.
    with pytest.raises(PictureIndexError, match='has changed the index of pictures .* since it was opened'):
        add(other, [4])
    with PictureIndex(folder) as third:
        add(third, [4])
        third.save()
        with pytest.raises(FolderInUseError):
            add(PictureIndex(folder), [5])
    assert held(PictureIndex(folder)) == [0, 1, 2, 3, 4]
    assert all(PictureIndex(folder).features.get(number) for number in range(5))


def test_readers_beside_a_writer_see_the_old_or_the_new_index(folder):
    old, writer = PictureIndex(folder), PictureIndex(folder)
    query = features_of([2]).embedding
    for number in range(3, 6):
        add(writer, [0, number])  # 0 is encoded again: its features get another id
        writer.save()
        assert held(PictureIndex(folder)) == list(range(number + 1))
        assert held(old) == [0, 1, 2]
        assert old.nearest(query, 1)[0].pictures[0].path == '/pictures/2.jpg'
    assert len(list((folder / 'features').iterdir())) > 6
    del old
    writer.remove(['/pictures/5.jpg'])
    writer.save()
    assert len(list((folder / 'features').iterdir())) == 5
    assert [path.name for path in folder.glob('pictures-*')] == ['pictures-5.safetensors']
    assert held(PictureIndex(folder)) == [0, 1, 2, 3, 4]


def test_an_index_is_searched_without_reading_all_of_it(folder, monkeypatch):
    index = PictureIndex(folder)
    monkeypatch.setattr(PictureIndex, 'pictures', None)
    assert index.nearest(features_of([1]).embedding, 2)[0].pictures[0].path == '/pictures/1.jpg'


def test_names_of_any_bytes_are_kept(folder):
    index, name = PictureIndex(folder), os.fsdecode(b'/pictures/\xff\xfe.jpg')
    index.add([name], [(1, 1)], [(1, 2)], features_of([7]))
    index.save()
    assert name in PictureIndex(folder).pictures


def test_a_users_own_folder_is_left_alone(tmp_path):
    (tmp_path / 'features').mkdir()
    (tmp_path / 'features/00000000.safetensors').write_bytes(b"the user's")
    with pytest.raises(FileExistsError, match='features is there already, and this tool did not write it'):
        add(PictureIndex(tmp_path, HEADER), [1])
    assert (tmp_path / 'features/00000000.safetensors').read_bytes() == b"the user's"
    assert [path.name for path in tmp_path.iterdir()] == ['features']


def test_a_full_disk_leaves_what_was_saved(folder):
    index = PictureIndex(folder)
    add(index, [3])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        for write in (lambda: add(index, [4]), index.save):
            with pytest.raises(OSError, match=r'safetensors cannot be written .* is there room on the disk'):
                write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert held(PictureIndex(folder)) == [0, 1, 2]
    assert not list(folder.rglob('*.writing'))


@pytest.mark.parametrize('after', [1, 4, 5, 7])
def test_a_kill_at_any_file_leaves_the_old_index_or_the_new(folder, after):
    child = os.fork()
    if not child:
        replace, done = os.replace, []

        def killed(source, target):
            if len(done) == after:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(replace(source, target))

        os.replace = killed
        index = PictureIndex(folder)
        add(index, [1, 3, 4, 5])
        index.save()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    # Four files of features, the table, index.json.
    assert held(PictureIndex(folder)) == ([0, 1, 2] if after < 6 else [0, 1, 2, 3, 4, 5])
    index = PictureIndex(folder)
    add(index, [6])
    index.save()
    assert 6 in held(PictureIndex(folder))
    assert len(list((folder / 'features').iterdir())) == len(index)


def test_flipped_bits_are_found(folder):
    """100 places all over the files: what is answered is what was written."""
    files = [path for path in folder.rglob('*') if path.is_file() and not path.name.startswith('.')]
    contents = {path: path.read_bytes() for path in files}
    places = [(path, place) for path in files for place in range(len(contents[path]))]
    found = 0
    for draw in torch.randint(len(places), (100,), generator=torch.Generator().manual_seed(0)).tolist():
        path, place = places[draw]
        damaged = bytearray(contents[path])
        damaged[place] ^= 0x40
        path.write_bytes(damaged)
        try:
            index = PictureIndex(folder, HEADER)
            assert held(index) == [0, 1, 2]
            found += any(index.features.get(number) is None for number in range(3))
            assert index.nearest(features_of([2]).embedding, 1)[0].pictures[0].path == '/pictures/2.jpg'
        except PictureIndexError:
            found += 1
        path.write_bytes(contents[path])
    assert found > 90


def rewrite_index(folder, **changes):
    """An index.json by hand, with a checksum that is right."""
    content = json.loads((folder / 'index.json').read_text()) | changes
    del content['checksum']
    content['checksum'] = zlib.crc32(json.dumps(content, sort_keys=True).encode())
    (folder / 'index.json').write_text(json.dumps(content))


@pytest.mark.parametrize(
    'changes', [dict(version='../../x'), dict(version=True), dict(next_id=-1), dict(next_id=1 << 99)]
)
def test_numbers_of_another_kind_are_refused(folder, changes):
    rewrite_index(folder, **changes)
    with pytest.raises(PictureIndexError, match='next_id and version must be numbers'):
        PictureIndex(folder)


def test_no_features_are_overwritten(folder):
    rewrite_index(folder, next_id=1)
    with pytest.raises(PictureIndexError, match='is damaged .next_id is 1, but there is picture 2'):
        add(PictureIndex(folder), [3])
    assert held(PictureIndex(folder)) == [0, 1, 2]


def rewrite(folder, **changes):
    """Tables by hand, with a checksum that is right."""
    (path,) = folder.glob('pictures-*')
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    tensors = {name: changes[name](tensor) if name in changes else tensor for name, tensor in tensors.items()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None}, path)
    rewrite_index(folder, crc32=zlib.crc32(path.read_bytes()))


@pytest.mark.parametrize(
    'changes',
    [
        dict(embedding=lambda tensor: tensor[:2]),
        dict(embedding=lambda tensor: tensor[:, 0]),
        dict(embedding=lambda tensor: tensor.double()),
        {'regions.lexical': lambda tensor: tensor[:1]},
        {'regions.lexical': lambda tensor: tensor.half()},
        {'boxes.lexical': lambda tensor: tensor[:, :1]},
        dict(id=lambda tensor: tensor[:1]),
        dict(id=lambda tensor: tensor[0]),
        dict(id=lambda tensor: None),
        dict(size=lambda tensor: tensor[:, :1]),
        dict(path_end=lambda tensor: tensor.int()),
        # What a search would wrap around at, or read past the end.
        dict(embedding=lambda tensor: tensor * float('nan')),
        dict(embedding=lambda tensor: tensor * 1e9),
        dict(embedding=lambda tensor: tensor.abs() * -1e9),
        dict(embedding=lambda tensor: tensor.index_fill(0, torch.tensor([1]), -float('nan'))),
        dict(path_end=lambda tensor: -tensor),
        dict(path_end=lambda tensor: tensor * 1000),
        dict(path_end=lambda tensor: tensor.flip(0)),
        dict(id=lambda tensor: tensor * 0),
        dict(id=lambda tensor: tensor - 1),
        dict(size=lambda tensor: -tensor),
    ],
)
def test_a_table_whose_parts_disagree_is_refused(folder, changes):
    rewrite(folder, **changes)
    with pytest.raises(PictureIndexError, match='is damaged .*pictures-1'):
        PictureIndex(folder)


def test_texts_of_other_width_or_without_numbers_are_refused(folder):
    rewrite(folder, embedding=lambda tensor: tensor[:, :2])
    with pytest.raises(ValueError, match='texts of 3 finite numbers are needed where pictures have 2'):
        PictureIndex(folder).nearest(features_of([1]).embedding, 1)
    with pytest.raises(ValueError, match='finite'):
        PictureIndex(folder).nearest(torch.tensor([[float('nan'), 1.0]]), 1)


@pytest.mark.parametrize('name', ['index.json', 'pictures-1.safetensors', 'features/00000001.safetensors'])
@pytest.mark.parametrize('signed', [False, True])
def test_fuzzed_indexes(folder, name, signed):
    """Also with checksums that are right: whoever hands over an index writes them, too."""

    def read():
        if signed and name == 'pictures-1.safetensors':
            rewrite_index(folder, crc32=zlib.crc32((folder / name).read_bytes()))
        try:
            index = PictureIndex(folder, HEADER)
            found = index.nearest(features_of([2]).embedding, 2)[0].pictures
            for picture in found:
                index.features.get(picture.id)
        except ValueError as error:
            if 'finite numbers are needed' in str(error):
                raise PictureIndexError('width') from error
            raise
        return [picture.path for picture in found]

    def check(found):
        assert found[0] == '/pictures/2.jpg' or signed

    told = fuzz(read, folder / name, check, skipped=lambda error: isinstance(error, PictureIndexError))
    # Features that are damaged are computed again.
    assert told['refused'] > 0 or name.startswith('features')
