"""An index in LanceDB, with features that no model made: writers and readers at once, kills, and what is no index."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from support.fuzzing import fuzz
from support.pictures_index import HEADER, add, add_for_ever, features_of, held
from support.processes import context

from slan_mm.apis.index_engines import open_index
from slan_mm.apis.index_parts import PictureIndexError
from slan_mm.apis.lance_index import LanceIndex
from slan_mm.apis.lance_rows import CHECKSUMS
from slan_mm.folder_lock import FolderInUseError


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


def test_two_writers_and_four_readers_in_parallel(folder):
    """Writers encode one picture again and again, and join fragments meanwhile."""
    done = threading.Event()

    def write(start):
        index = open_index(folder)
        for number in range(start, start + 16):
            add(index, [number, 1])
            index.save()

    def read():
        counts = [3]
        while not done.is_set():
            numbers = held(open_index(folder))
            assert {0, 1, 2} <= set(numbers)
            counts.append(len(numbers))
        assert counts == sorted(counts)

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for writer in [pool.submit(write, start) for start in (10, 30)]:
                writer.result()
        finally:
            done.set()
        for reader in readers:
            reader.result()
    assert held(open_index(folder)) == [0, 1, 2, *range(10, 26), *range(30, 46)]


def test_a_kill_in_the_middle_of_adding_loses_at_most_what_was_being_saved(folder):
    ours, theirs = context().Pipe()
    adding = context().Process(target=add_for_ever, args=(folder, theirs))
    adding.start()
    last = [ours.recv() for _ in range(4)][-1]
    adding.kill()
    adding.join()
    while ours.poll():
        last = ours.recv()
    kept = held(open_index(folder))
    assert kept[: last - 6] == [0, 1, 2, *range(10, last + 1)] and len(kept) <= last - 5
    index = open_index(folder)
    add(index, [60])
    index.save()
    assert held(open_index(folder)) == [*kept, 60]
    index.compact()
    assert held(open_index(folder)) == [*kept, 60]


def test_a_picture_that_two_have_added_at_once_is_removed_whole(folder):
    one, other = open_index(folder), open_index(folder)
    add(one, [5])
    add(other, [5])
    one.save()
    other.save()
    index = open_index(folder)
    index.remove(['/pictures/5.jpg'])
    index.save()
    assert held(open_index(folder)) == [0, 1, 2]


def test_small_fragments_are_joined_unless_another_process_changes_them(folder, monkeypatch):
    # Not above: it starts threads, and the tests' fork server is forked when all are collected.
    import lancedb

    def fragments():
        return lancedb.connect(folder).open_table('pictures').stats()['fragment_stats']['num_fragments']

    def failing(message):
        def optimize(self):
            raise RuntimeError(message)

        return optimize

    index, table = open_index(folder), type(lancedb.connect(folder).open_table('pictures'))
    with monkeypatch.context() as patch:
        patch.setattr(table, 'optimize', failing('lance error: Retryable commit conflict for version 67: ...'))
        for number in range(10, 31):
            add(index, [number])
            index.save()
        assert fragments() == 22
        patch.setattr(table, 'optimize', failing('No space left on device'))
        add(index, [31])
        with pytest.raises(RuntimeError, match='No space left'):
            index.save()
    add(index, [32])
    index.save()
    assert fragments() == 1
    assert held(open_index(folder)) == [0, 1, 2, *range(10, 33)]


def test_compacting_frees_space_while_nobody_else_uses_the_index(folder):
    def size():
        return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())

    index, other = open_index(folder), open_index(folder)
    for number in range(10, 15):
        add(index, [0, number])
        index.save()
    before = size()
    with pytest.raises(FolderInUseError, match='is in use by another process'):
        index.compact()
    assert held(other) == [0, 1, 2] and size() >= before
    del other
    index.compact()
    assert size() < before / 2
    assert held(index) == held(open_index(folder)) == [0, 1, 2, 10, 11, 12, 13, 14]
    add(index, [15])
    index.save()
    assert 15 in held(open_index(folder))


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


def test_damaged_rows_are_told_wherever_they_are_read(folder):
    index = open_index(folder)
    for file in (folder / 'pictures.lance/data').iterdir():
        file.write_bytes(file.read_bytes()[:50])
    for read in (
        lambda: index.nearest(features_of([1]).embedding, 2),
        lambda: index.pictures,
        lambda: list(index.saved(2)),
    ):
        with pytest.raises(PictureIndexError, match=f'{folder} is damaged .*Remove the folder'):
            read()


@pytest.mark.parametrize('table', ['header.lance', 'pictures.lance'])
@pytest.mark.parametrize('kind', ['data/*.lance', '_versions/*.manifest'])
def test_fuzzed_indexes(folder, table, kind):
    """What is found is what was added, all of it, or a line refuses the index."""
    file = min((folder / table).glob(kind))

    def read():
        index = open_index(folder, HEADER)
        return held(index), [picture.id for found in index.saved(2) for picture in found.pictures]

    def check(found):
        assert found[0] == [0, 1, 2] and len(set(found[1])) == 3

    counts = fuzz(
        read, file, check, skipped=lambda error: isinstance(error, PictureIndexError) and '\n' not in str(error)
    )
    assert counts['refused'] > 0


@pytest.mark.parametrize('column', ['embedding', 'regions_2_lexical', 'boxes_2_lexical', 'bytes', 'path'])
def test_rows_that_are_not_what_was_written_are_refused(folder, column):
    """Values that LanceDB reads without complaint, as from a flipped bit in their pages."""
    import lancedb
    import pyarrow as pa

    table = lancedb.connect(folder).open_table('pictures')
    rows = table.to_arrow()
    changed = rows[column].to_pylist()
    row = changed[1]
    changed[1] = (
        row + 1 if isinstance(row, int) else bytes([row[0] ^ 1]) + row[1:] if isinstance(row, bytes) else [0.5] * 3
    )
    rows = rows.set_column(rows.column_names.index(column), column, pa.array(changed, rows[column].type))
    lancedb.connect(folder).create_table('pictures', rows, mode='overwrite')
    with pytest.raises(PictureIndexError, match='1 of 3 rows are not what was written'):
        held(open_index(folder))


def test_tables_of_earlier_versions_are_read_and_added_to(folder):
    import lancedb

    database = lancedb.connect(folder)
    rows = database.open_table('pictures').to_arrow().drop(list(CHECKSUMS))
    database.create_table('pictures', rows, mode='overwrite')
    assert held(open_index(folder)) == [0, 1, 2]
    index = open_index(folder)
    add(index, [5])
    index.save()
    assert held(open_index(folder)) == [0, 1, 2, 5]
