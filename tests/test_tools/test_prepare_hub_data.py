"""Data sets of Hugging Face and COCO's caption files, made ready for training."""

import csv
import io
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
COUNT = 48


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools' / 'prepare_own_data.py'))


@pytest.fixture(scope='module')
def pictures():
    """The bytes of 48 different PNG files."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(COUNT):
        content = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (8, 9, 3), dtype=np.uint8)).save(content, 'PNG')
        found.append(content.getvalue())
    return found


def rows(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def tree(folder):
    return {path.relative_to(folder): path.lstat().st_mtime_ns for path in folder.rglob('*')}


def imagefolder(root, pictures, folders=('train', 'validation'), field='text'):
    """A tenth of the pictures in the second folder, with a metadata file in each."""
    for place, folder in enumerate(folders):
        part = pictures[:-4] if place == 0 else pictures[-4:]
        lines = []
        for number, content in enumerate(part):
            path = root / folder / f'{number}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            lines.append({'file_name': path.name, field: f'a dog, number {number}'})
        (root / folder / 'metadata.jsonl').write_text('\n'.join(map(json.dumps, lines)))


def test_an_imagefolder_with_splits(tool, tmp_path, pictures):
    source, out = tmp_path / 'source', tmp_path / 'own'
    imagefolder(source, pictures)
    before = tree(source)
    tool['main']([str(source), '--out', str(out)])
    written = rows(out / 'captions.csv')
    assert len(written) == COUNT and sum(row['split'] == 'val' for row in written) == 4
    # '0.png' is in both folders: two pictures.
    assert {'train/0.png', 'validation/0.png'} <= {row['image'] for row in written}
    assert all((out / 'images' / row['image']).is_file() for row in written)
    assert tree(source) == before


def test_an_imagefolder_with_a_csv_at_its_root(tool, tmp_path, pictures):
    source = tmp_path / 'source'
    imagefolder(source, pictures, ('a', 'b'))
    names = [path.relative_to(source) for path in sorted(source.rglob('*.png'))]
    for file in source.rglob('metadata.jsonl'):
        file.unlink()
    with open(source / 'metadata.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('file_name', 'words'), *((name, 'a cat') for name in names)])
    tool['main']([str(source), '--out', str(tmp_path / 'own'), '--caption-field', 'words', '--holdout', '0.1'])
    assert {row['split'] for row in rows(tmp_path / 'own/captions.csv')} == {'train', 'val'}


@pytest.mark.parametrize('name', ['../secret.png', '/etc/passwd', 'a/../../secret.png', '..\\secret.png'])
def test_paths_that_leave_the_folder_are_refused(tool, tmp_path, pictures, name):
    imagefolder(tmp_path / 'source', pictures)
    file = tmp_path / 'source/train/metadata.jsonl'
    file.write_text(file.read_text() + '\n' + json.dumps({'file_name': name, 'text': 'a dog'}))
    with pytest.raises(SystemExit, match=r'metadata\.jsonl, line 45: file_name .* leads out of its folder'):
        tool['main']([str(tmp_path / 'source'), '--out', str(tmp_path / 'own')])
    assert not (tmp_path / 'own').exists()


def test_what_an_imagefolder_lacks_is_told(tool, tmp_path, pictures):
    imagefolder(tmp_path / 'source', pictures, field='label')
    with pytest.raises(SystemExit, match="no field 'of captions' .fields here: file_name, label"):
        tool['main']([str(tmp_path / 'source'), '--out', str(tmp_path / 'own')])
    with pytest.raises(SystemExit, match=r'no metadata\.jsonl or metadata\.csv'):
        tool['main']([str(ROOT / 'requirements'), '--out', str(tmp_path / 'own')])
    with pytest.raises(SystemExit, match='choose an --out that is elsewhere'):
        tool['main']([str(tmp_path / 'source'), '--out', str(tmp_path / 'source/own')])


def test_captions_of_coco(tool, tmp_path, pictures):
    (tmp_path / 'photos').mkdir()
    for number, content in enumerate(pictures):
        (tmp_path / 'photos' / f'{number:012}.png').write_bytes(content)
    images = [{'id': number, 'file_name': f'{number:012}.png'} for number in range(COUNT)]
    annotations = [{'image_id': number % COUNT, 'caption': f'{number} birds'} for number in range(2 * COUNT)]
    file = tmp_path / 'captions_train2017.json'
    file.write_text(json.dumps({'images': images, 'annotations': annotations}))
    tool['main']([str(tmp_path / 'photos'), str(file), '--out', str(tmp_path / 'own'), '--holdout', '0.1'])
    written = rows(tmp_path / 'own/captions.csv')
    assert len(written) == 2 * COUNT and written[0]['image'] == '000000000000.png' and written[0]['image_id'] == '0'


def test_parquet_files_with_embedded_pictures(tool, tmp_path, pictures):
    pyarrow = pytest.importorskip('pyarrow')
    from pyarrow import parquet

    source, out = tmp_path / 'source', tmp_path / 'own'
    (source / 'data').mkdir(parents=True)
    # Names of others are no names of ours.
    cells = [{'bytes': content, 'path': '../../evil.png'} for content in pictures]
    for name, part in (('train-00000-of-00001', cells[:-4] + cells[:1]), ('validation-00000-of-00001', cells[-4:])):
        table = pyarrow.table({'image': part, 'caption': [[f'a {number}', 'b'] for number in range(len(part))]})
        parquet.write_table(table, source / 'data' / f'{name}.parquet')
    before = tree(source)
    for _ in range(2):
        tool['main']([str(source), '--out', str(out)])
    written = rows(out / 'captions.csv')
    # The picture that comes twice is one, with the captions of both.
    assert len({row['image'] for row in written}) == COUNT and len(written) == 2 * (COUNT + 1)
    assert sum(row['split'] == 'val' for row in written) == 8
    assert {path.read_bytes() for path in (out / 'images').iterdir()} == set(pictures)
    assert tree(source) == before and not (tmp_path.parent / 'evil.png').exists()
    texts = pyarrow.table({'image': [{'bytes': 'no bytes', 'path': 'a'}], 'caption': ['a']})
    parquet.write_table(texts, source / 'data/train-00000-of-00001.parquet')
    with pytest.raises(SystemExit, match='no column of embedded pictures'):
        tool['main']([str(source), '--out', str(out)])
    (source / 'data/train-00000-of-00001.parquet').write_bytes(b'PAR1 damaged')
    with pytest.raises(SystemExit, match='not a readable parquet file'):
        tool['main']([str(source), '--out', str(out)])


def test_without_pyarrow_the_extra_is_named(tool, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    (tmp_path / 'train.parquet').write_bytes(b'')
    with pytest.raises(SystemExit, match='pyarrow not installed: .*pip install'):
        tool['main']([str(tmp_path), '--out', str(tmp_path.parent / f'{tmp_path.name}_own')])
