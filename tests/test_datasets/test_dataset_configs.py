"""The data configs, built on small files laid out as they say."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from PIL import Image

from slan_mm.registry import DATASETS

CONFIGS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setenv('SLAN_DATA', str(tmp_path))
    monkeypatch.setenv('SLAN_OWN_DATA', str(tmp_path / 'own'))
    return lambda name: Config.fromfile(CONFIGS / f'{name}.py')


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (12, 8)).save(path)
    return path.name


def karpathy(folder, name, splits):
    images = [
        {'filename': picture(folder / f'{split}.jpg'), 'split': split, 'sentences': [{'raw': f'{split} caption'}]}
        for split in splits
    ]
    return {'images': images}, name


def build_all(cfg):
    """(name, items) of every data set of a config."""
    configs = [('train', cfg.train_dataloader.dataset)]
    configs += [(f'val {task}', loader.dataset) for task, loader in cfg.val_dataloader.items()]
    configs += [(f'test {task}', loader.dataset) for task, loader in cfg.test_dataloader.items()]
    assert set(cfg.val_evaluator) == set(cfg.val_dataloader)
    assert set(cfg.test_evaluator) == set(cfg.test_dataloader)
    items = {}
    for name, config in configs:
        dataset = DATASETS.build(config)
        items[name] = list(dataset)
        assert all(item['inputs'].shape == (3, 224, 224) for item in items[name])
    return items


def texts(items):
    return [item['data_samples'].text for item in items]


def test_flickr8k(load, tmp_path, write):
    data, name = karpathy(tmp_path / 'flickr8k' / 'images', 'dataset_flickr8k.json', ['train', 'val'])
    write(f'flickr8k/{name}', data)
    image = {'id': 1, 'file_name': 'val.jpg', 'height': 80, 'width': 120, 'caption': 'a man'}
    box = {'image_id': 1, 'bbox': [1, 2, 3, 4], 'phrase_ids': [0]}
    grounding = {'images': [{**image, 'tokens_positive_eval': [[[0, 5]]]}], 'annotations': [box]}
    write('flickr8k/grounding_val.json', grounding)
    items = build_all(load('flickr8k'))
    assert texts(items['train']) == ['train caption']
    assert texts(items['val retrieval']) == [['val caption']]
    assert items['test grounding'][0]['data_samples'].phrases[0]['boxes'].tolist() == [[1, 2, 4, 6]]


def test_flickr30k(load, tmp_path, write):
    data, name = karpathy(tmp_path / 'flickr30k' / 'images', 'dataset_flickr30k.json', ['train', 'val', 'test'])
    write(f'flickr30k/{name}', data)
    for split in ('val', 'test'):
        write(f'flickr30k_entities/{split}.txt', f'{split}\n')
        write(f'flickr30k_entities/Sentences/{split}.txt', '[/EN#1/people A man] runs\n')
        xml = '<annotation><size><width>120</width><height>80</height></size></annotation>'
        write(f'flickr30k_entities/Annotations/{split}.xml', xml)
    items = build_all(load('flickr30k'))
    assert texts(items['test retrieval']) == [['test caption']]
    assert [item['data_samples'].image_id for item in items['test grounding']] == ['test']
    assert texts(items['val grounding']) == ['A man runs']


def coco(tmp_path, write):
    data, name = karpathy(tmp_path / 'coco' / 'val2014', 'dataset_coco.json', ['train', 'restval', 'val', 'test'])
    for number, image in enumerate(data['images']):
        image.update(filepath='val2014', cocoid=number)
    write(f'coco/{name}', data)


def test_coco(load, tmp_path, write):
    coco(tmp_path, write)
    items = build_all(load('coco'))
    assert texts(items['train']) == ['train caption', 'restval caption']
    assert texts(items['test retrieval']) == [['test caption']]
    assert [item['data_samples'].image_id for item in items['train']] == ['coco/0', 'coco/1']


def test_pretrain_14m(load, tmp_path, write):
    names = {
        'coco': 'coco_karpathy_train.json', 'visual_genome': 'vg_caption.json', 'sbu': 'sbu.json',
        'cc3m': 'cc3m.json', 'cc12m': 'cc12m.json',
    }  # fmt: skip
    for name, file in names.items():
        image = picture(tmp_path / name / 'images' / '0.jpg')
        write(f'{name}/{file}', [{'image': image, 'caption': f'{name}!'}, {'image': image, 'caption': ''}])
    data, name = karpathy(tmp_path / 'flickr30k' / 'images', 'dataset_flickr30k.json', ['val', 'test'])
    write(f'flickr30k/{name}', data)
    for split in ('val', 'test'):
        image = {'id': 1, 'file_name': f'{split}.jpg', 'height': '8', 'width': '12', 'caption': 'A man .'}
        box = {'image_id': 1, 'bbox': [1, 2, 3, 4], 'tokens_positive': [[0, 5]]}
        grounding = {'images': [{**image, 'tokens_positive_eval': [[[0, 5]]]}], 'annotations': [box]}
        write(f'flickr30k/final_flickr_separateGT_{split}.json', grounding)
    items = build_all(load('pretrain_14m'))
    assert texts(items['train']) == list(names)
    image_ids = [item['data_samples'].image_id for item in items['train']]
    assert len(set(image_ids)) == 5  # all are called 0.jpg in their own lists
    assert texts(items['test retrieval']) == [['test caption']]
    assert texts(items['test grounding']) == ['A man .']


def test_own_data(load, tmp_path, write):
    folder = tmp_path / 'own' / 'images'
    rows = [f'{picture(folder / f"{number}.png")},caption {number}' for number in range(40)]
    write('own/captions.csv', '\n'.join(['image,caption', *rows]))
    items = build_all(load('own_data'))
    assert len(items['train']) + len(items['val retrieval']) == 40
    assert 1 <= len(items['val retrieval']) <= 10
    rows = [f'{row},{"val" if number < 3 else "train"}' for number, row in enumerate(rows)]
    write('own/captions.csv', '\n'.join(['image,caption,split', *rows]))
    assert [len(value) for value in build_all(load('own_data')).values()] == [37, 3, 3]
    # A third split is what the test is on.
    rows[0] = rows[0].replace('val', 'test')
    write('own/captions.csv', '\n'.join(['image,caption,split', *rows]))
    assert [len(value) for value in build_all(load('own_data')).values()] == [37, 2, 1]


def test_roots_are_below_data_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv('SLAN_DATA', raising=False)
    monkeypatch.delenv('SLAN_OWN_DATA', raising=False)
    for path in CONFIGS.glob('*.py'):
        # A class that a config imports would stand in it, and a run could not write it down.
        text = json.dumps(Config.fromfile(path).to_dict())
        assert '"data_root": "/' not in text
        # Those of the generated shapes data have none, and pseudo-labels are written below work_dirs.
        if not path.stem.startswith(('shapes', 'pseudo_labels')):
            assert '"data_root": "data' in text
