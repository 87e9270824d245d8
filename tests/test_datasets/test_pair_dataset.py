import copy
import logging

import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from slan_mm.datasets import PairDataset
from slan_mm.datasets.caption_length import shorten
from slan_mm.registry import DATASETS

PIPELINE = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 4}, {'type': 'PackPairs'}]


@pytest.fixture
def build(images, write, karpathy):
    def _build(**options):
        config = {
            'type': 'PairDataset', 'ann_file': 'k.json', 'format': 'karpathy', 'split': 'train',
            'data_root': str(images.parent), 'data_prefix': {'img': 'images'}, 'pipeline': PIPELINE, **options,
        }  # fmt: skip
        write('k.json', karpathy)
        return DATASETS.build(config)

    return _build


def texts(dataset):
    return [item['data_samples'].text for item in dataset]


def test_an_item_is_a_pair_that_carries_the_image_id(build):
    dataset = build(id_prefix='f8k/')
    assert len(dataset) == 6
    item = dataset[3]
    assert item['inputs'].shape == (3, 4, 4)
    assert abs(int(item['inputs'][0, 0, 0]) - 40) <= 2  # b.jpg's red
    sample = item['data_samples']
    assert (sample.image_id, sample.sample_id, sample.text) == ('f8k/b', 'f8k/b#1', 'b second caption .')
    assert sample.ori_shape == (8, 12)
    assert dataset[2]['data_samples'].image_id == sample.image_id
    ids = [item['data_samples'].sample_id for item in dataset]
    assert len(set(ids)) == 6


def test_an_item_may_be_an_image_with_a_caption_drawn_each_epoch(build):
    def ids(dataset, *epochs):
        return [[dataset[i + 3 * epoch]['data_samples'].sample_id for i in range(3)] for epoch in epochs]

    dataset = build(sample='image')
    assert len(dataset) == 3
    drawn = ids(dataset, *range(12))
    assert {sample_id for epoch in drawn for sample_id in epoch} == {f'{name}#{k}' for name in 'abc' for k in (0, 1)}
    assert drawn != ids(build(sample='image', seed=1), *range(12))
    again = build(sample='image')
    again.set_epoch(4)
    assert ids(again, 0, 1) == drawn[4:6]


def test_workers_give_what_the_main_process_gives(build):
    dataset = build(sample='image')
    dataset.set_epoch(2)
    loader = DataLoader(dataset, batch_size=2, num_workers=2, collate_fn=pseudo_collate, persistent_workers=True)
    for epoch in (2, 5):
        dataset.set_epoch(epoch)
        got = [sample.sample_id for batch in loader for sample in batch['data_samples']]
        assert got == [item['data_samples'].sample_id for item in dataset]


def test_long_captions_are_cut_with_a_counted_warning(build, karpathy, caplog, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.datasets.caption_dataset.print_log', lambda *args: said.append(args))
    karpathy['images'][0]['sentences'][0]['raw'] = 'one two  three four five'
    assert texts(build(max_words=4))[:2] == ['one two  three four', 'a second caption .']
    ((message, _, level),) = said
    assert '1 of 6 captions have more than 4 words' in message and level == logging.WARNING
    said.clear()
    assert texts(build(max_words=5))[0] == 'one two  three four five'
    assert not said
    with pytest.raises(ValueError, match='max_words'):
        build(max_words=0)


def test_shorten():
    assert shorten(' one two three ', 2) == ' one two'
    assert shorten('one two ', 2) == 'one two '
    assert shorten('one', None) == 'one'


def test_first_items_only(build):
    assert texts(build(indices=2)) == ['a first caption .', 'a second caption .']


def test_data_sets_can_be_copied(build):
    assert texts(copy.deepcopy(build())) == texts(build())


def test_arguments_are_checked(build):
    with pytest.raises(ValueError, match='sample'):
        build(sample='word')
    with pytest.raises(ValueError, match='max_unreadable_share'):
        build(max_unreadable_share=2)
    with pytest.raises(IndexError, match='negative'):
        build()[-1]


def test_it_is_what_the_sampler_takes_for_epoch_aware():
    assert PairDataset.takes_epoch


def test_a_random_transform_depends_on_seed_epoch_and_index(build):
    pipeline = [PIPELINE[0], {'type': 'RandomFlipPair'}, {'type': 'PackPairs', 'meta_keys': ['flip']}]
    dataset = build(pipeline=pipeline)
    flips = [[dataset[i + 6 * epoch]['data_samples'].flip for i in range(6)] for epoch in range(4)]
    assert flips == [[dataset[i + 6 * epoch]['data_samples'].flip for i in range(6)] for epoch in range(4)]
    assert len(set(map(tuple, flips))) > 1
    torch.manual_seed(1)
    assert flips[0] == [build(pipeline=pipeline)[i]['data_samples'].flip for i in range(6)]
