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
