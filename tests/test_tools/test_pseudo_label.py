"""From generated pictures with captions to label files, on a model that has learned nothing."""

import json
import runpy
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from support.detection import build_toy_detector
from support.toy import SIZE, toy_config

from slan_mm.folder_lock import FolderLock
from slan_mm.pseudo_labels import answers
from slan_mm.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[2]
WRITTEN = ('labels.json', 'odvg.jsonl', 'label_studio.json', 'report.html', 'thresholds.yaml', 'classes.txt')
PICTURES = 36


def tool(path, *arguments):
    runpy.run_path(str(ROOT / 'tools' / path))['main']([str(argument) for argument in arguments])


@pytest.fixture(scope='module')
def base(tmp_path_factory):
    """A model, data and the output of a whole run."""
    folder = tmp_path_factory.mktemp('pseudo')
    Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm')).dump(folder / 'toy.py')
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, folder / 'toy.pth')
    tool('dataset_converters/shapes_to_folder.py', folder / 'shapes', '--train', PICTURES, '--test', 2)
    # Weights that have learned nothing: views agree by chance.
    (folder / 'loose.yaml').write_text('flip: 0.0\nscale: 0.0\n')
    run(folder, folder / 'whole')
    return folder


def run(base, out, *options):
    asked = [base / 'toy.py', base / 'toy.pth', base / 'shapes', '--out', out, '--thresholds', base / 'loose.yaml']
    tool('pseudo_label.py', *asked, '--gold', base / 'shapes/train.json', '--device', 'cpu', *options)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in WRITTEN}


def test_the_files_of_a_run(base):
    report = json.loads((base / 'whole/report.json').read_text())
    assert report['pictures'] == PICTURES and report['unreadable'] == 0 and 0 <= report['precision'] <= 1
    labels = json.loads((base / 'whole/labels.json').read_text())
    assert len(labels['images']) == PICTURES and 0 < len(labels['annotations']) == report['labels']
    # Without --classes they are the heads of the captions.
    names = {one['name'] for one in labels['categories']}
    assert {'circle', 'star', 'triangle'} <= names
    assert (base / 'whole/classes.yaml').read_text().count(': []  # ') == len(names)
    assert (base / 'whole/data').resolve() == base / 'shapes/images'


def train_step(model, dataset):
    batch = pseudo_collate([dataset[index] for index in range(2)])
    log = model.train_step(batch, OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-3)))
    return float(log['loss'])


def test_our_own_supervised_models_learn_from_the_files(base):
    out, resize = base / 'whole', dict(type='ResizeImage', size=SIZE)
    phrases = DATASETS.build(
        dict(
            type='GroundingDataset',
            ann_file=str(out / 'odvg.jsonl'),
            format='odvg',
            data_prefix=dict(img=f'{out}/data/'),
            pipeline=[dict(type='LoadImage'), resize, dict(type='PackPairs')],
        )
    )
    (first, *_) = phrases[0]['data_samples'].phrases
    assert first['boxes'].shape == (1, 4)
    grounder = MODELS.build({**toy_config(), 'type': 'SLANGrounder', 'objective': None})
    assert 0 < train_step(grounder, phrases) < 1e6
    boxes = DATASETS.build(
        dict(
            type='CocoDataset',
            ann_file=str(out / 'labels.json'),
            data_prefix=dict(img=f'{out}/data/'),
            metainfo=dict(classes=(out / 'classes.txt').read_text().splitlines()[:3]),
            return_classes=True,
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='mmdet.LoadAnnotations', with_bbox=True),
                dict(type='mmdet.Resize', scale=(SIZE, SIZE)),
                dict(
                    type='mmdet.PackDetInputs', meta_keys=('img_id', 'ori_shape', 'img_shape', 'scale_factor', 'text')
                ),
            ],
        )
    )
    assert 0 < train_step(build_toy_detector(), boxes) < 1e6


def test_an_interrupted_run_goes_on_to_the_same_bytes(base, tmp_path, monkeypatch):
    shutil.copytree(base / 'whole/answers', tmp_path / 'out/answers')
    (tmp_path / 'out/.written_by_slan_mm.json').write_text('["answers"]')
    (fragment,) = (tmp_path / 'out/answers').glob('part-*')
    lines = fragment.read_bytes().splitlines(keepends=True)
    fragment.write_bytes(lines[0] + lines[1][:100])
    asked = []
    whole = answers.answer_block
    monkeypatch.setattr(answers, 'answer_block', lambda *a: asked.append(len(a[0])) or whole(*a))
    run(base, tmp_path / 'out')
    assert asked == [16, PICTURES - 32]
    assert contents(tmp_path / 'out') == contents(base / 'whole')


def test_two_ranks_write_the_same_bytes(base, tmp_path, monkeypatch):
    for rank in (1, 0):
        monkeypatch.setattr(answers, 'get_dist_info', lambda rank=rank: (rank, 2))
        run(base, tmp_path / 'out')
    parts = sorted((tmp_path / 'out/answers').glob('part-*'))
    assert [len(part.read_text().splitlines()) for part in parts] == [2, 1]
    assert contents(tmp_path / 'out') == contents(base / 'whole')


def test_other_filters_need_no_new_answers(base, monkeypatch):
    monkeypatch.setattr(answers, 'answer_block', lambda *a: pytest.fail('asked again'))
    run(base, base / 'whole', '--cap', '3', '--review', '2')
    labels = json.loads((base / 'whole/labels.json').read_text())
    numbers = [one['category_id'] for one in labels['annotations']]
    assert max(map(numbers.count, numbers)) <= 3
    assert len(json.loads((base / 'whole/review/labels.json').read_text())['images']) == 2
    run(base, base / 'whole')


def test_mistakes_are_told(base, capsys, tmp_path):
    with pytest.raises(SystemExit, match='pseudo_label: .*another data, content of the pictures. Choose another --out'):
        run(base, base / 'whole', '--classes', 'circle')
    with pytest.raises(SystemExit, match='no caption names one of zebra'):
        run(base, tmp_path / 'new', '--classes', 'zebra')
    with pytest.raises(SystemExit):
        tool('pseudo_label.py', 'a', 'b', 'c', '--out', tmp_path / 'd', '--precision', '.9')
    assert '--precision needs --gold' in capsys.readouterr().err


def test_an_unreadable_picture_is_counted(base, tmp_path):
    shutil.copytree(base / 'shapes', tmp_path / 'shapes')
    (tmp_path / 'shapes/images/train/000003.png').write_bytes(b'')
    rows = (tmp_path / 'shapes/captions.csv').read_text().splitlines()[:6]
    (tmp_path / 'shapes/captions.csv').write_text('\n'.join(rows))
    asked = [base / 'toy.py', base / 'toy.pth', tmp_path / 'shapes', '--out', tmp_path / 'out', '--device', 'cpu']
    tool('pseudo_label.py', *asked)
    report = json.loads((tmp_path / 'out/report.json').read_text())
    assert report['unreadable'] == 1 and report['pictures'] == 4
    (reason,) = report['unreadable_reasons']
    assert '000003.png' in reason and 'the file is empty' in reason


def test_pictures_of_which_none_can_be_read_are_an_error(base, tmp_path):
    (tmp_path / 'a.png').write_bytes(b'')
    (tmp_path / 'b.jpg').write_text('no image')
    asked = [base / 'toy.py', base / 'toy.pth', tmp_path, '--out', tmp_path / 'out', '--device', 'cpu']
    with pytest.raises(SystemExit, match=r'none of 2 pictures can be read. The first: .*a\.png \(the file is empty\)'):
        tool('pseudo_label.py', *asked, '--classes', 'circle')
    assert not (tmp_path / 'out/labels.json').exists()


def test_wrong_brackets_are_told(base, tmp_path):
    shutil.copytree(base / 'shapes', tmp_path / 'shapes')
    rows = (tmp_path / 'shapes/captions.csv').read_text().splitlines()
    place = rows[0].split(',').index('caption')
    cells = [row.split(',') for row in rows[1:]]
    lines = [','.join([*cell[:place], f'[{cell[place]}', *cell[place + 1 :]]) for cell in cells]
    (tmp_path / 'shapes/captions.csv').write_text('\n'.join([rows[0], *lines]))
    asked = [base / 'toy.py', base / 'toy.pth', tmp_path / 'shapes', '--out', tmp_path / 'out', '--device', 'cpu']
    with pytest.raises(SystemExit, match=f'{len(lines)} captions have wrong brackets and are left out, the first of '):
        tool('pseudo_label.py', *asked)


def test_two_runs_do_not_write_one_folder(base, tmp_path):
    with FolderLock(tmp_path), pytest.raises(SystemExit, match='is being changed by process'):
        run(base, tmp_path)
    shutil.copytree(base / 'whole', tmp_path / 'whole')
    with FolderLock(tmp_path / 'whole'), pytest.raises(SystemExit, match='is being changed by process'):
        tool('pseudo_label.py', 'merge', tmp_path / 'whole', tmp_path / 'whole/labels.json')
    with pytest.raises(SystemExit, match='labels.json'):
        tool('pseudo_label.py', 'merge', tmp_path / 'none', tmp_path / 'whole/labels.json')
    assert not (tmp_path / 'none').exists()
