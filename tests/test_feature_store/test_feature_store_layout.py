import json

import numpy as np
import pytest
import torch
from support.feature_store import fill, image_encoder, text_encoder, write_pictures

from slan_mm.feature_store import FeatureStoreError, ImageStore, PartReader, PartWriter, TextStore, checksum


def write(folder, rows, stop=None, header=None, keys='abcdef'):
    """Fills a toy part; stops before row ``stop`` as if killed. Returns the rows it had to do."""
    writer = PartWriter(folder, header or {'weights': 'w'}, list(keys))
    if writer.finished:
        return []
    array = writer.array('x', (len(keys), 2))
    done = []
    for row in range(writer.done, len(keys)):
        if row == stop:
            return done
        array[row] = rows[row]
        done.append(row)
        writer.mark(row + 1)
    writer.finish(keys=list(keys))
    return done


def test_an_interrupted_part_is_refused_then_goes_on(tmp_path):
    rows = np.arange(12).reshape(6, 2)
    assert write(tmp_path / 'p', rows, stop=4) == [0, 1, 2, 3]
    with pytest.raises(FeatureStoreError, match='is unfinished. Make it with'):
        PartReader(tmp_path / 'p')
    assert write(tmp_path / 'p', rows) == [4, 5]
    np.testing.assert_array_equal(PartReader(tmp_path / 'p').array('x'), rows)
    assert sorted(path.name for path in (tmp_path / 'p').iterdir()) == ['index.json', 'x.bin']
    assert write(tmp_path / 'p', rows) == []


def test_killed_after_the_last_row(tmp_path):
    rows = np.arange(12).reshape(6, 2)
    writer = PartWriter(tmp_path / 'p', {'weights': 'w'}, list('abcdef'))
    writer.array('x', (6, 2))[:] = rows
    writer.mark(6)
    assert write(tmp_path / 'p', rows) == []
    np.testing.assert_array_equal(PartReader(tmp_path / 'p').array('x'), rows)


@pytest.mark.parametrize('change', [dict(header={'weights': 'v'}), dict(keys='abcdeg')])
@pytest.mark.parametrize('stop', [None, 4])
def test_what_another_run_left_is_replaced(tmp_path, change, stop):
    write(tmp_path / 'p', np.ones((6, 2)), stop=stop)
    assert write(tmp_path / 'p', np.zeros((6, 2)), **change) == [0, 1, 2, 3, 4, 5]
    assert not PartReader(tmp_path / 'p').array('x').any()


def test_damaged_progress_starts_again(tmp_path):
    write(tmp_path / 'p', np.ones((6, 2)), stop=4)
    (tmp_path / 'p' / 'x.bin').write_bytes(b'cut')
    assert write(tmp_path / 'p', np.ones((6, 2))) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize('done', [0, -1, True, 1.0, '4', None])
def test_a_damaged_count_starts_again(tmp_path, done):
    write(tmp_path / 'p', np.ones((6, 2)), stop=4)
    path = tmp_path / 'p' / 'progress.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'done': done}))
    assert write(tmp_path / 'p', np.ones((6, 2))) == [0, 1, 2, 3, 4, 5]
    assert PartReader(tmp_path / 'p').array('x').all()


def test_files_cut_short_and_other_formats_are_refused(tmp_path):
    write(tmp_path / 'p', np.ones((6, 2)))
    index = json.loads((tmp_path / 'p' / 'index.json').read_text())
    index['header']['format'] = 99
    (tmp_path / 'p' / 'index.json').write_text(json.dumps(index))
    with pytest.raises(FeatureStoreError, match='format 99'):
        PartReader(tmp_path / 'p')
    write(tmp_path / 'q', np.ones((6, 2)))
    (tmp_path / 'q' / 'x.bin').write_bytes(b'cut')
    with pytest.raises(FeatureStoreError, match='cut short'):
        PartReader(tmp_path / 'q')


def test_too_little_room_is_told_before_writing(tmp_path):
    writer = PartWriter(tmp_path / 'p', {}, ['a'])
    with pytest.raises(FeatureStoreError, match='GiB are free'):
        writer.array('x', (1, 10**16))


def test_caching_goes_on_after_a_kill(tmp_path, monkeypatch):
    write_pictures(tmp_path)
    fill(tmp_path, tmp_path / 'whole', image_encoder(), text_encoder())
    monkeypatch.setattr('slan_mm.feature_store.caching.MARK_SECONDS', 0.0)
    encoder, calls = image_encoder(), []
    extract = encoder.extract

    def killed(inputs):
        calls.append(len(inputs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return extract(inputs)

    monkeypatch.setattr(encoder, 'extract', killed)
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, tmp_path / 'cut', encoder)
    with pytest.raises(FeatureStoreError, match='is unfinished'):
        ImageStore(tmp_path / 'cut')
    assert fill(tmp_path, tmp_path / 'cut', encoder, text_encoder()) == (4, 4)
    assert calls == [3, 1, 1]  # the first three rows were not done twice
    fill(tmp_path, tmp_path / 'cut', encoder, text_encoder())
    assert calls == [3, 1, 1]
    for part, name in (('images', 'level0'), ('images', 'level1'), ('images', 'shapes'), ('texts', 'contextual')):
        one, other = ((tmp_path / store / part / f'{name}.bin').read_bytes() for store in ('whole', 'cut'))
        assert one == other, name


def test_weights_of_any_type_are_told_apart():
    from slan_mm.weights_file import hash_weights

    layer = torch.nn.Linear(2, 2)
    first = hash_weights(layer)
    assert first == hash_weights(layer)
    assert hash_weights(layer.bfloat16()) != first
    with torch.no_grad():
        layer.bias[0] += 1
    assert hash_weights(layer.float()) != first


def test_a_folder_of_the_users_own_is_not_removed(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/dog.jpg').write_bytes(b'a picture')
    with pytest.raises(FeatureStoreError, match=r"is no part of a feature store: it holds \['dog.jpg'\]. Nothing was"):
        PartWriter(tmp_path / 'images', {'weights': 'w'}, ['a'])
    assert (tmp_path / 'images/dog.jpg').read_bytes() == b'a picture'


def change_index(folder, change):
    """With the checksum that whoever hands over a store would write."""
    path = folder / 'index.json'
    index = change(json.loads(path.read_text()))
    del index['checksum']
    path.write_text(json.dumps({**index, 'checksum': checksum(index)}))


@pytest.mark.parametrize(
    'entry',
    [
        ['O', [6, 2]],
        ['object', [1, 3]],
        ['V24', [1]],
        ['float16', [-6, -2]],
        ['float16', [6.0, 2]],
        ['float16', [True, 12]],
        ['float16', [1 << 62, 4, 12]],
        ['float16', '62'],
        ['float16', []],
        [['float16'], [6, 2]],
        [{'names': ['a'], 'formats': ['O']}, [3]],
        'float16',
        None,
    ],
)
def test_arrays_of_other_kinds_are_never_mapped(tmp_path, entry):
    write(tmp_path / 'p', np.ones((6, 2)))
    change_index(tmp_path / 'p', lambda index: index | {'arrays': {'x': entry}})
    with pytest.raises(FeatureStoreError, match='is damaged: .*Remove that folder. Make it with'):
        PartReader(tmp_path / 'p')
    # A writer does not take it for finished.
    assert write(tmp_path / 'p', np.ones((6, 2))) == [0, 1, 2, 3, 4, 5]
    write(tmp_path / 'q', np.ones((6, 2)), stop=4)
    path = tmp_path / 'q' / 'progress.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'arrays': {'x': entry}}))
    assert write(tmp_path / 'q', np.ones((6, 2))) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize('name', ['../q/x', '/etc/passwd', '', 'a.b'])
def test_files_elsewhere_are_not_read(tmp_path, name):
    write(tmp_path / 'p', np.ones((6, 2)))
    change_index(tmp_path / 'p', lambda index: index | {'arrays': {name: ['float16', [6, 2]]}})
    with pytest.raises(FeatureStoreError, match='is damaged'):
        PartReader(tmp_path / 'p')


@pytest.mark.parametrize(
    'text', ['', '{', '[]', '5', '{}', '{"header": 5}', '[' * 100_000, '{"header": {"format": 2}}']
)
def test_a_damaged_index_is_told(tmp_path, text):
    write(tmp_path / 'p', np.ones((6, 2)))
    (tmp_path / 'p' / 'index.json').write_text(text)
    with pytest.raises(FeatureStoreError, match='is damaged'):
        PartReader(tmp_path / 'p')


@pytest.mark.parametrize(
    ('part', 'change'),
    [
        ('images', lambda index: index | {'image_ids': index['image_ids'][:3]}),
        ('images', lambda index: index | {'image_ids': ['0', '1', '1', '3']}),
        ('images', lambda index: index | {'image_ids': 4}),
        ('images', lambda index: index | {'image_ids': ['0', '1', '1', '2', '3']}),
        ('images', lambda index: index | {'image_ids': [0, 1, 2, 3]}),
        ('images', lambda index: index | {'arrays': {**index['arrays'], 'level0': index['arrays']['level1']}}),
        ('images', lambda index: index | {'arrays': {k: v for k, v in index['arrays'].items() if k != 'crc32'}}),
        ('texts', lambda index: index | {'text_keys': index['text_keys'][1:]}),
        ('texts', lambda index: index | {'arrays': {k: v for k, v in index['arrays'].items() if k != 'contextual'}}),
    ],
)
def test_parts_that_disagree_are_told(tmp_path, part, change):
    write_pictures(tmp_path)
    fill(tmp_path, tmp_path / 'store', image_encoder(), text_encoder())
    change_index(tmp_path / 'store' / part, change)
    with pytest.raises(FeatureStoreError, match='is damaged'):
        (ImageStore if part == 'images' else TextStore)(tmp_path / 'store')


def test_a_finished_part_that_lacks_a_file_is_made_again(tmp_path):
    write(tmp_path / 'p', np.ones((6, 2)))
    (tmp_path / 'p' / 'x.bin').unlink()
    assert write(tmp_path / 'p', np.ones((6, 2))) == [0, 1, 2, 3, 4, 5]


def test_room_is_taken_before_rows_are_written(tmp_path):
    PartWriter(tmp_path / 'p', {}, ['a']).array('x', (1000, 1000))
    state = (tmp_path / 'p' / 'x.bin').stat()
    assert state.st_blocks * 512 >= state.st_size == 2_000_000
