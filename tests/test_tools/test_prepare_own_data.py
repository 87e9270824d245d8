"""From a user's folder and table to what the config reads."""

import csv
import runpy
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from transformers import AutoTokenizer

from slan_mm.registry import DATASETS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools' / 'prepare_own_data.py'))


@pytest.fixture
def mine(tmp_path):
    """A folder of 60 pictures in subfolders and a csv of two captions each."""
    rng = np.random.default_rng(0)
    with open(tmp_path / 'captions.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['image', 'caption'])
        for number in range(60):
            name = f'{"ab"[number % 2]}/{number}.png'
            path = tmp_path / 'photos' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(path)
            writer.writerow([name, f'A grey dog, number {number}, runs über die Wiese'])
            writer.writerow([name, 'two dogs on a beach'])
    return tmp_path


def run(tool, mine, *options):
    tool['main']([str(mine / 'photos'), str(mine / 'captions.csv'), '--out', str(mine / 'own'), *options])


def rows(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def test_what_is_written_is_what_the_config_reads(tool, mine, monkeypatch, capsys):
    run(tool, mine, '--holdout', '0.3')
    assert (mine / 'own/images').resolve() == mine / 'photos'
    written = rows(mine / 'own/captions.csv')
    assert len(written) == 120
    val = {row['image'] for row in written if row['split'] == 'val'}
    assert 5 < len(val) < 30
    assert not val & {row['image'] for row in written if row['split'] == 'train'}
    monkeypatch.setenv('SLAN_OWN_DATA', str(mine / 'own'))
    cfg = Config.fromfile(ROOT / 'configs/pretrain/slan_own_data.py')
    train, test = DATASETS.build(cfg.train_dataloader.dataset), DATASETS.build(cfg.test_dataloader.retrieval.dataset)
    assert len(train) == 2 * (60 - len(val)) and len(test) == len(val)
    assert train[0]['inputs'].shape == (3, 112, 112)
    assert cfg.model.text.encoder.tokenizer == str(mine / 'own/tokenizer')
    assert f'SLAN_OWN_DATA={mine / "own"}' in capsys.readouterr().out


def test_what_to_do_next_is_the_config_that_learns(tool, mine, tmp_path, monkeypatch, capsys):
    weights = tmp_path / 'weights'
    monkeypatch.setenv('SLAN_WEIGHTS', str(weights))
    cfg = Config.fromfile(ROOT / 'configs/pretrain/slan_own_data_pretrained.py')
    encoders = [Path(cfg.model.image.encoder.backbone_checkpoint), Path(cfg.model.text.encoder.model)]
    next_step = 'python tools/train.py configs/pretrain/slan_own_data_pretrained.py'
    run(tool, mine)
    said = capsys.readouterr().out
    assert said.index('bash tools/fetch_weights.sh') < said.index(next_step)
    for path in encoders:
        assert weights in path.parents
        path.mkdir(parents=True)
    run(tool, mine)
    said = capsys.readouterr().out
    assert next_step in said and 'fetch_weights' not in said


def test_the_vocabulary_is_of_the_train_captions(tool, mine):
    run(tool, mine)
    tokenizer = AutoTokenizer.from_pretrained(mine / 'own/tokenizer')
    assert tokenizer.is_fast and tokenizer.pad_token_id == 0 and tokenizer.mask_token == '[MASK]'
    assert tokenizer.tokenize('Two DOGS über') == ['two', 'dogs', 'über']
    ids = tokenizer('grey dog').input_ids
    assert ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id
    assert '[UNK]' not in tokenizer.tokenize('bare') and len(tokenizer.tokenize('bare')) > 1


def test_splits_of_the_table_are_kept(tool, mine):
    table = rows(mine / 'captions.csv')
    with open(mine / 'captions.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['file', 'words', 'part'])
        writer.writerows([row['image'], row['caption'], 'val' if 'a/' in row['image'] else 'train'] for row in table)
    with pytest.raises(SystemExit, match="split 'train', which needs at least 32"):
        run(tool, mine, '--image-field', 'file', '--caption-field', 'words', '--split-field', 'part')


def test_unreadable_pictures_are_named_and_left_out(tool, mine, capsys):
    (mine / 'photos/a/4.png').write_bytes(b'no picture')
    run(tool, mine)
    assert 'photos/a/4.png' in capsys.readouterr().out
    assert len(rows(mine / 'own/captions.csv')) == 118


def test_too_many_unreadable_pictures_stop_it(tool, mine):
    for number in range(0, 20, 2):
        (mine / f'photos/a/{number}.png').unlink()
    with pytest.raises(SystemExit, match='10 of 60 pictures cannot be read'):
        run(tool, mine)
    assert not (mine / 'own').exists()


def test_a_wrong_line_is_named(tool, mine):
    with open(mine / 'captions.csv', 'a') as file:
        file.write('a/2.png,one,two\n')
    with pytest.raises(SystemExit, match=r'captions\.csv, line 122: 3 columns where the header has 2'):
        run(tool, mine)


def test_run_again_it_replaces_its_own_files_only(tool, mine):
    run(tool, mine)
    run(tool, mine)
    assert len(rows(mine / 'own/captions.csv')) == 120
    (mine / 'own/images').unlink()
    (mine / 'own/images').mkdir()
    with pytest.raises(SystemExit, match='folder of its own'):
        run(tool, mine)


def test_a_table_of_the_users_own_is_not_overwritten(tool, mine):
    (mine / 'own').mkdir()
    theirs = 'image,caption,photographer\na/0.png,a dog,me\n'
    (mine / 'own/captions.csv').write_text(theirs)
    with pytest.raises(SystemExit, match=r'own/captions\.csv is there already, and this tool did not write it'):
        run(tool, mine)
    assert (mine / 'own/captions.csv').read_text() == theirs
    assert [path.name for path in (mine / 'own').iterdir()] == ['captions.csv']


def test_pictures_may_lie_in_the_output_folder(tool, mine):
    (mine / 'own').mkdir()
    (mine / 'photos').rename(mine / 'own/images')
    for _ in range(2):
        tool['main']([str(mine / 'own/images'), str(mine / 'captions.csv'), '--out', str(mine / 'own')])
    assert len(list((mine / 'own/images').rglob('*.png'))) == 60


def test_paths_of_a_table_and_a_linked_folder_meet(tool, mine):
    (mine / 'far/away').mkdir(parents=True)
    (mine / 'far/away/link').symlink_to(mine / 'photos')
    table = (mine / 'captions.csv').read_text().splitlines()
    (mine / 'captions.csv').write_text('\n'.join([table[0], *(f'{mine}/photos/{line}' for line in table[1:])]))
    tool['main']([str(mine / 'far/away/link'), str(mine / 'captions.csv'), '--out', str(mine / 'far/own')])
    written = rows(mine / 'far/own/captions.csv')
    assert len(written) == 120 and all((mine / 'far/own/images' / row['image']).is_file() for row in written)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['captions.csv', 'photos'], 'captions.csv, is a file: give the folder of the pictures first'),
        (['none', 'captions.csv'], 'the folder of the pictures, .*none, does not exist'),
        (['photos', 'none.csv'], 'the table of captions, .*none.csv, does not exist'),
        (['photos', 'a'], 'the table of captions, .*a, is no file'),
        (['photos', 'captions.csv', '--out', 'photos'], 'lies in .*photos: choose an --out that is elsewhere'),
        (['photos', 'captions.csv', '--out', 'photos/new'], 'lies in .*photos: choose an --out that is elsewhere'),
        (['photos', 'captions.csv', '--holdout', '0'], "which needs at least 32. There are 60 in 'no split'"),
    ],
)
def test_what_was_mistaken_is_told(tool, mine, monkeypatch, arguments, said):
    monkeypatch.chdir(mine)
    (mine / 'a').mkdir()
    before = sorted(mine.rglob('*'))
    with pytest.raises(SystemExit, match=said):
        tool['main'](arguments)
    assert sorted(mine.rglob('*')) == before


def test_splits_of_other_names_are_told(tool, mine):
    table = (mine / 'captions.csv').read_text().splitlines()
    lines = [f'{line},{"Train" if int(line.split("/")[1].split(".")[0]) < 50 else "validation"}' for line in table[1:]]
    (mine / 'captions.csv').write_text('\n'.join(['image,caption,split', *lines]))
    with pytest.raises(SystemExit, match="There are 50 in 'Train', 10 in 'validation'"):
        run(tool, mine)
