"""Reading and writing checkpoint files."""

import os
import pickle

import pytest
import torch
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

from slan_mm.engine import checkpoint_io
from slan_mm.engine.checkpoint_io import find_checkpoint, load_from_file, load_from_web, resumable_checkpoints


class Trap:
    def __reduce__(self):
        return os.system, ('touch trapped',)


def test_a_file_that_would_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({'state_dict': {}, 'meta': Trap()}, 'evil.pth')
    with pytest.raises(pickle.UnpicklingError, match=r'evil\.pth holds more than tensors.*convert it once'):
        load_from_file('evil.pth')
    # The same through MMEngine's entry, which tries a second time without protection when left to itself.
    with pytest.raises(pickle.UnpicklingError):
        CheckpointLoader.load_checkpoint('evil.pth', map_location='cpu')
    assert not (tmp_path / 'trapped').exists()


def test_numpy_values_are_plain_enough(tmp_path):
    import numpy as np

    value = {'state_dict': {}, 'meta': {'mean': np.arange(3.0), 'best': np.float64(0.5), 'count': np.int64(3)}}
    torch.save(value, tmp_path / 'a.pth')
    read = load_from_file(str(tmp_path / 'a.pth'))
    assert read['meta']['mean'].tolist() == [0, 1, 2]
    assert read['meta']['best'] == 0.5 and read['meta']['count'] == 3


def test_safetensors_hold_weights(tmp_path):
    save_file({'layer.weight': torch.ones(2)}, tmp_path / 'a.safetensors')
    read = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.safetensors'))
    assert read['state_dict']['layer.weight'].tolist() == [1, 1]


def test_a_download_is_kept_and_read_as_strictly(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    source = tmp_path / 'a.pth'
    torch.save({'state_dict': {'w': torch.ones(1)}}, source)
    monkeypatch.setattr(checkpoint_io, 'get_external_models', lambda: {'some/model': source.as_uri()})
    for name in ('open-mmlab://some/model', 'openmmlab://some/model'):
        assert CheckpointLoader.load_checkpoint(name)['state_dict']['w'].tolist() == [1]
    source.unlink()  # the second time it comes from the cache
    assert load_from_web(source.as_uri())['state_dict']['w'].tolist() == [1]
    (cached,) = (tmp_path / 'hub' / 'checkpoints').iterdir()
    torch.save({'state_dict': {}, 'meta': Trap()}, cached)
    with pytest.raises(pickle.UnpicklingError):
        load_from_web(source.as_uri())
    with pytest.raises(KeyError, match='no such model; open-mmlab has e.g. some/model'):
        CheckpointLoader.load_checkpoint('open-mmlab://other')


def test_downloads_of_one_name_from_two_places_are_two_files(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    for place in (1, 2):
        (tmp_path / str(place)).mkdir()
        save_file({'w': torch.full((1,), float(place))}, tmp_path / str(place) / 'model.safetensors')
    read = [load_from_web((tmp_path / str(place) / 'model.safetensors').as_uri()) for place in (1, 2, 1)]
    assert [content['state_dict']['w'].item() for content in read] == [1, 2, 1]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint .*none\.pth: give'):
        load_from_file(str(tmp_path / 'none.pth'))


def test_a_work_directory_stands_for_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work = tmp_path / 'work'
    work.mkdir()
    for number in (2, 4):
        torch.save({'state_dict': {}, 'iteration': number}, work / f'iter_{number}.pth')
    with pytest.raises(FileNotFoundError, match='no checkpoint in the folder .*work: it has no file last_checkpoint'):
        load_from_file(str(work))
    (work / 'last_checkpoint').write_text(str(work / 'iter_4.pth'))
    for given in ('work', 'work/last_checkpoint', str(work), 'work/iter_4.pth'):
        assert CheckpointLoader.load_checkpoint(given)['iteration'] == 4
    # The best one comes before the newest.
    (work / 'best_checkpoint').write_text(str(work / 'iter_2.pth'))
    assert load_from_file('work')['iteration'] == load_from_file('work/best_checkpoint')['iteration'] == 2
    assert load_from_file('work/last_checkpoint')['iteration'] == 4
    # A folder that was moved still finds its own.
    work.rename(tmp_path / 'moved')
    assert find_checkpoint('moved').name == 'iter_2.pth' and load_from_file('moved')['iteration'] == 2
    (tmp_path / 'moved/iter_2.pth').unlink()
    with pytest.raises(FileNotFoundError, match='best_checkpoint names a checkpoint that is not there: .*iter_2'):
        load_from_file('moved')


def test_checkpoints_are_listed_newest_first_and_best_ones_left_out(tmp_path):
    work, other = tmp_path / 'work', tmp_path / 'other'
    for folder in (work, other):
        folder.mkdir()
    names = ['work/iter_900.pth', 'work/iter_20.pth', 'other/iter_30.pth', 'work/best_x_iter_50.pth']
    for age, name in enumerate([*names, 'work/.iter_60.pth.writing']):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(age, age))
    (work / 'last_checkpoint').write_text(str(other / 'iter_30.pth'))
    found = [path.name for path in resumable_checkpoints(work)]
    assert found == ['iter_30.pth', 'iter_20.pth', 'iter_900.pth']


@pytest.mark.parametrize('scheme', ['torchvision', 'modelzoo'])
def test_models_of_torchvision_are_read_as_strictly(tmp_path, monkeypatch, scheme):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    # Its name ends with a part of its hash, and is where torchvision looks, too.
    address = 'https://models/resnet18-f37072fd.pth'
    monkeypatch.setattr(checkpoint_io, 'get_torchvision_models', lambda: {'resnet18': address})
    (tmp_path / 'hub/checkpoints').mkdir(parents=True)
    torch.save({'state_dict': Trap()}, tmp_path / 'hub/checkpoints/resnet18-f37072fd.pth')
    with pytest.raises(pickle.UnpicklingError, match='would run code'):
        CheckpointLoader.load_checkpoint(f'{scheme}://resnet18')
    assert not (tmp_path / 'trapped').exists()


@pytest.mark.parametrize('name', ['s3://a/b.pth', 'cluster:s3://a/b.pth', 'petrel://a/b.pth', 'pavi://a', 'mmcls://a'])
def test_other_addresses_are_refused(name):
    with pytest.raises(ValueError, match=f'{name}: checkpoints are not read from there'):
        CheckpointLoader.load_checkpoint(name)


def test_a_copied_folder_has_its_own_checkpoints(tmp_path):
    one, copy = tmp_path / 'one', tmp_path / 'copy'
    for folder, steps in ((one, (5, 10)), (copy, (4, 5))):
        folder.mkdir()
        for step in steps:
            torch.save({'state_dict': {}, 'in': folder.name}, folder / f'iter_{step}.pth')
    for name in ('last_checkpoint', 'best_checkpoint'):
        (copy / name).write_text(str(one / 'iter_5.pth'))
    # Copying has turned the order of the files' times.
    os.utime(copy / 'iter_4.pth')
    assert find_checkpoint(copy) == copy / 'iter_5.pth' == find_checkpoint(copy / 'best_checkpoint')
    assert resumable_checkpoints(copy) == [copy / 'iter_5.pth', copy / 'iter_4.pth']
    # Kept elsewhere (the hook's out_dir), they are found there, and none of another run.
    work = tmp_path / 'work'
    work.mkdir()
    (work / 'last_checkpoint').write_text(str(one / 'iter_5.pth'))
    assert resumable_checkpoints(work) == [one / 'iter_5.pth']
    assert resumable_checkpoints(work, copy) == [copy / 'iter_5.pth', copy / 'iter_4.pth']


@pytest.mark.parametrize(
    'content',
    [b'', b'\n', b'\xff\xfe\x00', b'a\x00b.pth', b'a.pth\nb.pth', b'x' * 300, b'x/' * 3000, b'/'],
    ids=['empty', 'line', 'utf8', 'nul', 'two', 'long', 'path', 'root'],
)
def test_a_damaged_pointer_is_told(tmp_path, content):
    (tmp_path / 'last_checkpoint').write_bytes(content)
    with pytest.raises(ValueError, match='last_checkpoint is damaged: it names no checkpoint .* Remove it'):
        find_checkpoint(tmp_path)
    torch.save({}, tmp_path / 'iter_5.pth')
    assert resumable_checkpoints(tmp_path) == [tmp_path / 'iter_5.pth']


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ([1, 2, 3], r'holds no weights: they are expected by name.*\[1, 2, 3\]'),
        (torch.zeros(1), 'holds no weights'),
        ({'state_dict': None}, 'What is there is None'),
        ({'state_dict': {1: torch.zeros(1)}}, 'holds no weights: they are expected by name'),
        ({'model': {'a': torch.zeros(1)}, 'epoch': 3}, 'holds no tensors .* its entries are model, epoch'),
    ],
)
def test_files_without_weights_are_told(tmp_path, content, said):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=said):
        load_from_file(str(tmp_path / 'a.pth'))


def test_a_training_beside_a_reader_replaces_its_checkpoint(tmp_path, monkeypatch):
    """The reader has looked up the newest one when the training puts another in its place."""

    def put(number):
        torch.save(dict(state_dict=dict(weight=torch.tensor([float(number)]))), tmp_path / f'iter_{number}.pth')
        (tmp_path / 'last_checkpoint').write_text(str(tmp_path / f'iter_{number}.pth'))
        (tmp_path / f'iter_{number - 1}.pth').unlink(missing_ok=True)

    real, opened = checkpoint_io.read_weights_file, []

    def read(path, map_location=None):
        opened.append(path.name)
        if len(opened) == 1:
            put(2)
        return real(path, map_location)

    monkeypatch.setattr(checkpoint_io, 'read_weights_file', read)
    put(1)
    assert load_from_file(str(tmp_path))['state_dict']['weight'] == 2
    assert opened == ['iter_1.pth', 'iter_2.pth']
    (tmp_path / 'iter_2.pth').unlink()
    with pytest.raises(FileNotFoundError, match='names a checkpoint that is not there'):
        load_from_file(str(tmp_path))


def test_a_pointer_is_read_again_where_what_it_named_has_gone(tmp_path, monkeypatch):
    names = iter([tmp_path / 'iter_1.pth', tmp_path / 'iter_2.pth'])
    (tmp_path / 'iter_2.pth').write_bytes(b'')
    (tmp_path / 'last_checkpoint').write_text('x')
    monkeypatch.setattr(checkpoint_io, 'read_pointer', lambda pointer: next(names))
    assert find_checkpoint(tmp_path) == tmp_path / 'iter_2.pth'
