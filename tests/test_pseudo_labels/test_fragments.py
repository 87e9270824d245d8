"""Answers on the disk."""

import pytest
from support.pseudo_labels import record, write_answers

from slan_mm.pseudo_labels.fragments import FragmentWriter, check_asked, index_blocks, read_blocks


def test_blocks_of_several_processes_come_in_their_order(tmp_path):
    for rank, blocks in ((0, (0, 2, 11)), (1, (1, 3))):
        with FragmentWriter(tmp_path, rank) as writer:
            for block in blocks:
                writer.write(block, [f'{block} é'])
    assert list(read_blocks(tmp_path)) == [[f'{block} é'] for block in (0, 1, 2, 3, 11)]


def test_half_a_line_is_written_again(tmp_path):
    folder = write_answers(tmp_path / 'answers', record('a'), record('b'), record('c'))
    (file,) = folder.glob('part-*')
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    assert list(index_blocks(folder)) == [0]
    with FragmentWriter(folder, 0) as writer:
        writer.write(1, [record('c')])
    assert file.read_bytes() == whole


def test_answers_to_something_else_are_not_continued(tmp_path):
    check_asked(tmp_path / 'x', dict(weights='a', size=64))
    check_asked(tmp_path / 'x', dict(weights='a', size=64))
    with pytest.raises(ValueError, match='a run with another weights. Choose another --out'):
        check_asked(tmp_path / 'x', dict(weights='b', size=64))
    for told in ('{"size": 64}', '{"size": 64, "weights": null}'):
        (tmp_path / 'x' / 'asked.json').write_text(told)
        with pytest.raises(ValueError, match='a run with another weights'):
            check_asked(tmp_path / 'x', dict(weights='a', size=64))


@pytest.mark.parametrize(
    'change', [(b'"box": [1', b'"box": [9'), (b'{"block": 1', b'{"blork": 1'), (b'{"block": 1', b'\n')]
)
def test_a_line_that_is_not_what_was_written(tmp_path, change):
    folder = write_answers(tmp_path / 'answers', record('a'), record('b'), record('c', dict(box=[1, 2, 3, 4])))
    (file,) = folder.glob('part-*')
    file.write_bytes(file.read_bytes().replace(*change))
    with pytest.raises(ValueError, match='part-00000.jsonl, line 2: not what was written. Remove this file'):
        list(read_blocks(folder))


def test_lines_of_earlier_versions_are_read(tmp_path):
    (tmp_path / 'part-00000.jsonl').write_text('{"block": 0, "value": [1]}\n')
    assert list(read_blocks(tmp_path)) == [[1]]
    (tmp_path / 'part-00000.jsonl').write_text('{"block": 0, "value": [}\n')
    with pytest.raises(ValueError, match='part-00000.jsonl, block 0: not what was written'):
        list(read_blocks(tmp_path))


@pytest.mark.parametrize('content', ['[]', 'null'])
def test_a_damaged_note(tmp_path, content):
    (tmp_path / 'asked.json').write_text(content)
    with pytest.raises(ValueError, match='asked.json is damaged'):
        check_asked(tmp_path, dict(weights='a'))
