"""A tool overwrites what it wrote itself, and nothing else."""

import pytest

from slan_mm.own_files import MARK, claim, start_afresh


def test_what_is_claimed_may_be_claimed_again(tmp_path):
    folder = tmp_path / 'new' / 'folder'
    claim(folder, ['a', 'b'], 'runs')
    (folder / 'a').write_text('ours')
    claim(folder, ['a'], 'runs')
    claim(folder, ['a', 'c'], 'runs')
    claim(folder, ['b'], 'runs')


@pytest.mark.parametrize('mark', [None, '[]', '["other"]', 'no json', '5'])
def test_what_another_wrote_is_left_alone(tmp_path, mark):
    (tmp_path / 'captions.csv').write_text("the user's")
    if mark is not None:
        (tmp_path / MARK).write_text(mark)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(FileExistsError, match='captions.csv is there already, and this tool did not write it'):
        claim(tmp_path, ['tokenizer', 'captions.csv'], 'runs')
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_dangling_link_is_something(tmp_path):
    (tmp_path / 'images').symlink_to(tmp_path / 'gone')
    with pytest.raises(FileExistsError, match='images is there already'):
        claim(tmp_path, ['images'], 'runs')


def test_what_is_started_afresh_was_ours(tmp_path):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'dog.jpg').touch()
    with pytest.raises(FileExistsError, match='photos is there already'):
        start_afresh(tmp_path, ['run', 'photos'], 'runs')
    start_afresh(tmp_path, ['run', 'run.log'], 'runs')
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'x').touch()
    (tmp_path / 'run.log').touch()
    start_afresh(tmp_path, ['run', 'run.log'], 'runs')
    assert {path.name for path in tmp_path.iterdir()} == {'photos', MARK} and (tmp_path / 'photos' / 'dog.jpg').exists()


def test_what_is_ours_but_of_another_kind_is_left_alone(tmp_path):
    claim(tmp_path, ['tokenizer', 'captions.csv'], 'own data')
    (tmp_path / 'tokenizer').mkdir()
    with pytest.raises(FileExistsError, match='tokenizer is there already'):
        start_afresh(tmp_path, ['model.safetensors', 'tokenizer'], 'a model')
    assert (tmp_path / 'tokenizer').is_dir()
    claim(tmp_path, ['tokenizer'], 'own data')
    # What earlier versions noted has no kind.
    (tmp_path / MARK).write_text('["tokenizer"]')
    claim(tmp_path, ['tokenizer'], 'a model')
    with pytest.raises(FileExistsError):
        claim(tmp_path, ['tokenizer'], 'own data')
