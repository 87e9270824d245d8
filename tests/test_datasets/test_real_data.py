"""The readers on real files: Flickr8k as described in docs/data.md, in data/flickr8k or $SLAN_DATA/flickr8k."""

import os
from pathlib import Path

import pytest

from slan_mm.registry import DATASETS

ROOT = Path(os.environ.get('SLAN_DATA', Path(__file__).parents[2] / 'data')) / 'flickr8k'
pytestmark = pytest.mark.skipif(
    not (ROOT / 'dataset_flickr8k.json').is_file(),
    reason='no Flickr8k: link it to data/flickr8k, or name the folder above it in SLAN_DATA (docs/data.md)',
)
PIPELINE = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 224}, {'type': 'PackPairs'}]


def build(type, ann_file, **options):
    config = {'type': type, 'ann_file': ann_file, 'data_root': str(ROOT), 'data_prefix': {'img': 'images'}}
    return DATASETS.build({**config, 'pipeline': PIPELINE, **options})


def test_pairs():
    dataset = build('PairDataset', 'dataset_flickr8k.json', format='karpathy', split='train')
    assert len(dataset) == 30000
    items = [dataset[index] for index in (0, 4, 5, 29999)]
    assert all(item['inputs'].shape == (3, 224, 224) for item in items)
    image_ids = [item['data_samples'].image_id for item in items]
    assert image_ids[0] == image_ids[1] != image_ids[2]
    assert len({dataset.get_data_info(index)['sample_id'] for index in range(30000)}) == 30000


def test_retrieval():
    dataset = build('RetrievalDataset', 'dataset_flickr8k.json', format='karpathy', split='val')
    assert len(dataset) == 1000
    assert sum(len(dataset.get_data_info(index)['text']) for index in range(1000)) == 5000
    assert dataset[999]['inputs'].shape == (3, 224, 224)


def test_grounding():
    dataset = build('GroundingDataset', 'grounding_val.json')
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    phrases = [phrase for info in infos for phrase in info['phrases']]
    assert (len(infos), len(phrases), sum(len(phrase['boxes']) for phrase in phrases)) == (366, 1279, 1843)
    sample = dataset[0]['data_samples']
    assert sample.ori_shape == (375, 500) and sample.img_shape == (224, 224)
    assert sample.text[slice(*sample.phrases[1]['spans'][0])] == 'a lone duck'
    assert sample.phrases[1]['boxes'].tolist() == [[366, 239, 393, 257]]
    retrieval = build('RetrievalDataset', 'dataset_flickr8k.json', format='karpathy', split='val')
    by_id = {info['image_id']: info['text'] for info in map(retrieval.get_data_info, range(1000))}
    assert all(info['text'] in by_id[info['image_id']] for info in infos)
