"""Files are written whole or not at all, whoever else writes or has left something behind."""

import os
import resource
import subprocess
import sys
from multiprocessing import get_context

import pytest

from slan_mm.atomic_files import replaced_atomically, replaced_together


def test_the_file_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')

    def fail_midway():
        with replaced_atomically(path) as temporary:
            temporary.write_text('half')
            raise RuntimeError('midway')

    with pytest.raises(RuntimeError, match='midway'):
        fail_midway()
    assert path.read_text() == 'old'
    with replaced_atomically(path) as temporary:
        temporary.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new' and os.listdir(tmp_path) == ['file']


def test_permissions_are_those_of_a_new_file(tmp_path):
    (tmp_path / 'plain').write_text('')
    with replaced_atomically(tmp_path / 'written') as temporary:
        temporary.write_text('')
    assert (tmp_path / 'written').stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_a_long_name_can_be_written(tmp_path):
    path = tmp_path / ('ü' * 120 + '.json')
    with replaced_atomically(path) as temporary:
        temporary.write_text('{}')
    assert path.read_text() == '{}'


def write_often(path, letter, times):
    for _ in range(times):
        with replaced_atomically(path) as temporary, open(temporary, 'wb') as file:
            for _ in range(16):
                file.write(letter * 4096)


def test_two_writers_do_not_mix(tmp_path):
    path = tmp_path / 'file'
    writers = [get_context('fork').Process(target=write_often, args=(path, letter, 40)) for letter in (b'a', b'b')]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            seen.add(path.read_bytes())
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    seen.add(path.read_bytes())
    assert seen <= {b'a' * 65536, b'b' * 65536} and os.listdir(tmp_path) == ['file']


def test_two_at_once_in_one_process(tmp_path):
    path = tmp_path / 'file'
    with replaced_atomically(path) as first, replaced_atomically(path) as second:
        assert first != second
        first.write_text('first')
        second.write_text('second')
    assert path.read_text() == 'first'


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / 'file'
    killed = (
        'import os, sys; from slan_mm.atomic_files import replaced_atomically\n'
        'with replaced_atomically(sys.argv[1]) as temporary:\n'
        '    temporary.write_text("half"); os._exit(9)'
    )
    assert subprocess.run([sys.executable, '-c', killed, str(path)], check=False).returncode == 9
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith('.file.') and leftover.name.endswith('.writing')
    others = [tmp_path / '.file.writing', tmp_path / '.file.elsewhere-1-00.writing', tmp_path / 'file.writing']
    for other in others:
        other.write_text('')
    with replaced_atomically(path) as temporary:
        assert not leftover.exists()
        temporary.write_text('new')
    assert {item.name for item in tmp_path.iterdir()} == {'file', *(other.name for other in others)}


def test_a_full_disk_leaves_the_old_file_and_is_told_with_its_name(tmp_path):
    path = tmp_path / 'iter_5.pth'
    path.write_text('old')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match=r"iter_5\.pth'$"), replaced_atomically(path) as temporary:
            temporary.write_bytes(bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def tree(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob('*') if path.is_file()}


def test_files_and_folders_are_replaced_together(tmp_path):
    """An error leaves all as it was; what belongs to another name stays."""
    old = {'a': 'old', 'b/c': 'old', 'b/d': 'old', 'gone': 'old', 'other': 'old'}
    for name, content in old.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)

    def write(fails):
        with replaced_together(tmp_path, ['a', 'b', 'gone', 'never']) as new:
            (new / 'a').write_text('new')
            (new / 'b').mkdir()
            (new / 'b' / 'c').write_text('new')
            assert {name: content for name, content in tree(tmp_path).items() if name[0] != '.'} == old
            if fails:
                raise OSError('no space')

    with pytest.raises(OSError, match='no space'):
        write(True)
    assert tree(tmp_path) == old
    write(False)
    assert tree(tmp_path) == {'a': 'new', 'b/c': 'new', 'other': 'old'}


def fill_and_die(folder):
    with replaced_together(folder, ['a']) as new:
        (new / 'a').write_text('half')
        os._exit(1)


def test_a_folder_that_a_killed_process_left_is_removed(tmp_path):
    process = get_context('fork').Process(target=fill_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert len(os.listdir(tmp_path)) == 1
    with replaced_together(tmp_path, ['a']) as new:
        (new / 'a').write_text('new')
    assert tree(tmp_path) == {'a': 'new'} and os.listdir(tmp_path) == ['a']
