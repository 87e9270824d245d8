"""``ShapesPairs`` as a data loader meets it."""

import pickle
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

import slan_mm.datasets  # noqa: F401  (registers)
from slan_mm.datasets.shapes import ShapesPairs
from slan_mm.registry import DATASETS

CONFIG = Path(__file__).parents[3] / 'configs/_base_/datasets/shapes.py'


def texts(dataset, count=20):
    return [dataset[i]['data_samples'].text for i in range(count)]


def test_train_item_is_an_image_and_one_caption_and_nothing_else():
    dataset = DATASETS.build({'type': 'ShapesPairs'})
    assert len(dataset) == 20000
    item = dataset[12]
    assert set(item) == {'inputs', 'data_samples'}
    assert item['inputs'].shape == (3, 64, 64) and item['inputs'].dtype == torch.uint8
    sample = item['data_samples']
    assert isinstance(sample.text, str)
    assert set(sample.keys()) == {'text'}
    assert {key: sample.get(key) for key in sample.metainfo_keys()} == {
        'image_id': 'shapes-train-12',
        'sample_id': 'shapes-train-12',
        'img_path': 'shapes://train/0/64/12.png',
        'ori_shape': (64, 64),
        'img_shape': (64, 64),
    }


def test_pipeline_of_the_train_split_gets_no_boxes_either():
    seen = []
    ShapesPairs(pipeline=[seen.append])[0]
    assert set(seen[0]) == {'img', 'img_path', 'image_id', 'sample_id', 'ori_shape', 'img_shape', 'text', 'rng'}


def test_retrieval_and_grounding_items_show_the_same_image_and_caption():
    retrieval, grounding = (ShapesPairs('test', task) for task in ('retrieval', 'grounding'))
    assert len(retrieval) == len(grounding) == 500
    for i in range(10):
        a, b = retrieval[i], grounding[i]
        assert torch.equal(a['inputs'], b['inputs'])
        assert a['data_samples'].text == [b['data_samples'].text]
        assert 'phrases' not in a['data_samples']


def test_phrases_hold_spans_and_boxes_of_what_they_name():
    dataset = ShapesPairs('val', 'grounding')
    for i in range(20):
        item = dataset[i]
        sample = item['data_samples']
        ids = [phrase['phrase_id'] for phrase in sample.phrases]
        assert len(set(ids)) == len(ids) >= 2
        for phrase in sample.phrases:
            ((start, end),) = phrase['spans']
            words = sample.text[start:end].split()
            assert phrase['boxes'].shape == (1, 4) and phrase['boxes'].dtype == torch.float32
            x1, y1, x2, y2 = phrase['boxes'][0].tolist()
            assert phrase['category'] == ['small' if x2 - x1 <= 0.23 * 64 else 'large']
            assert len(words) == 2 or [words[0]] == phrase['category']
            r, g, b = item['inputs'][:, int(y1 + y2) // 2, int(x1 + x2) // 2].int().tolist()
            if words[-2] in ('red', 'orange', 'yellow'):
                assert r > b + 50
            if words[-2] in ('cyan', 'blue'):
                assert b > r + 50
            if words[-2] == 'green':
                assert g > r + 20


def test_several_captions_of_an_image_differ():
    dataset = ShapesPairs('test', 'retrieval', captions_per_image=5)
    single = ShapesPairs('test', 'retrieval')
    for i in range(10):
        captions = dataset[i]['data_samples'].text
        assert len(captions) == len(set(captions)) == 5
        assert captions[:1] == single[i]['data_samples'].text


def test_too_many_captions_is_an_error(monkeypatch):
    monkeypatch.setattr(ShapesPairs, 'num_objects', (2, 2))
    with pytest.raises(ValueError, match='sample shapes-test-0.*lower captions_per_image'):
        ShapesPairs('test', 'retrieval', captions_per_image=1000)[0]


def test_items_are_pinned():
    digest = sha256()
    for dataset in (ShapesPairs(), ShapesPairs('val', 'retrieval'), ShapesPairs('test', 'grounding')):
        for i in (0, 1, 499):
            item = dataset[i]
            digest.update(item['inputs'].numpy().tobytes())
            digest.update(repr(item['data_samples'].text).encode())
    assert digest.hexdigest() == '67b6c9d813aa4b2e149cf92a19c880ad84d0a25f02e1cd9d3a5d91ef410fc29d'


def test_epoch_changes_captions_of_the_train_split_only():
    train, test = ShapesPairs(), ShapesPairs('test')
    first, image = texts(train), train[3]['inputs']
    test_first = texts(test)
    for dataset in (train, test):
        dataset.set_epoch(1)
    assert texts(train) != first and texts(test) == test_first
    assert torch.equal(train[3]['inputs'], image)
    train.set_epoch(0)
    assert texts(train) == first


def test_epoch_may_come_with_the_index():
    dataset = ShapesPairs(num_images=50)
    dataset.set_epoch(2)
    second = texts(dataset)
    dataset.set_epoch(0)
    assert [dataset[i + 100]['data_samples'].text for i in range(20)] == second
    assert [dataset[2, i]['data_samples'].text for i in range(20)] == second
    assert dataset[107]['data_samples'].sample_id == 'shapes-train-7'
    assert len(list(dataset)) == 50


def test_seed_changes_everything():
    a, b = ShapesPairs(), ShapesPairs(seed=1)
    assert not torch.equal(a[0]['inputs'], b[0]['inputs'])
    assert texts(a, 5) != texts(b, 5)


def test_splits_share_no_scene_whatever_the_seed(monkeypatch):
    monkeypatch.setattr(ShapesPairs, 'num_objects', (2, 2))
    signatures = {}
    for split in ('train', 'val', 'test'):
        datasets = [ShapesPairs(split, image_size=32, seed=seed) for seed in (0, 1)]
        signatures[split] = {dataset.scene(i).signature for dataset in datasets for i in range(150)}
        assert {dataset.scene(i).split for dataset in datasets for i in range(150)} == {split}
    assert not signatures['train'] & signatures['val'] | signatures['train'] & signatures['test']
    assert not signatures['val'] & signatures['test']


def test_scenes_of_the_test_split_are_all_different():
    dataset = ShapesPairs('test')
    assert len({dataset.scene(i).signature for i in range(500)}) == 500


def test_cache_gives_the_same_items_and_guards_them():
    plain, cached = ShapesPairs('test'), ShapesPairs('test', cache=True)
    for _ in range(2):
        item = cached[5]
        assert torch.equal(item['inputs'], plain[5]['inputs'])
        assert item['data_samples'].text == plain[5]['data_samples'].text
        item['inputs'].zero_()


def test_workers_see_the_epoch_and_give_the_same_items():
    dataset = ShapesPairs(num_images=8)
    loader = DataLoader(dataset, 4, num_workers=1, persistent_workers=True, collate_fn=pseudo_collate)
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        loaded = [sample.text for batch in loader for sample in batch['data_samples']]
        assert loaded == texts(dataset, 8)


def test_openmmlab_manners():
    dataset = ShapesPairs('val', lazy_init=True, metainfo={'owner': 'me'}, test_mode=True)
    dataset.full_init()
    assert dataset.metainfo['dataset_name'] == 'ShapesPairs' and dataset.metainfo['owner'] == 'me'
    assert dataset.get_data_info(2)['sample_id'] == 'shapes-val-2'
    with pytest.raises(IndexError, match='-1'):
        dataset[-1]
    copy = pickle.loads(pickle.dumps(dataset))
    assert texts(copy, 3) == texts(dataset, 3)


def test_pipeline_transforms_are_built_or_called():
    dataset = ShapesPairs(pipeline=[lambda results: {**results, 'text': 'x'}, {'type': 'PackPairs'}])
    assert dataset[0]['data_samples'].text == 'x'


def test_larger_pictures():
    item = ShapesPairs('test', 'grounding', image_size=128)[0]
    assert item['inputs'].shape == (3, 128, 128)
    assert max(phrase['boxes'].max() for phrase in item['data_samples'].phrases) <= 128


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'split': 'dev'}, "split must be one of .* got 'dev'"),
        ({'task': 'vqa'}, "task must be one of .* got 'vqa'"),
        ({'task': 'grounding'}, 'the train split of ShapesPairs has no boxes'),
        ({'image_size': 16}, 'image_size must be at least 32'),
        ({'num_images': 0}, 'num_images must be at least 1'),
        ({'captions_per_image': 0}, 'captions_per_image must be at least 1'),
        ({'seed': -1}, 'seed must not be negative'),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShapesPairs(**arguments)


def test_base_config_builds():
    config = Config.fromfile(CONFIG)
    assert len(DATASETS.build(config.train_dataloader.dataset)) == 20000
    for loaders in (config.val_dataloader, config.test_dataloader):
        assert set(loaders) == {'retrieval', 'grounding'}
        for task, loader in loaders.items():
            dataset = DATASETS.build(loader.dataset)
            assert dataset.task == task and len(dataset) == 500
    assert config.test_dataloader.retrieval.dataset.split == 'test'
