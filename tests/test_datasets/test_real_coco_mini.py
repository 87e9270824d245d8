"""Captions and questions on real files: a part of COCO in data/coco_mini or $SLAN_DATA/coco_mini (docs/tasks)."""

import os
from pathlib import Path

import pytest

from slan_mm.datasets import VQADataset
from slan_mm.registry import DATASETS

ROOT = Path(os.environ.get('SLAN_DATA', Path(__file__).parents[2] / 'data')) / 'coco_mini'
pytestmark = pytest.mark.skipif(
    not (ROOT / 'annotations' / 'vqa_v2_questions.json').is_file(),
    reason='no part of COCO: link it to data/coco_mini, or name the folder above it in SLAN_DATA (docs/tasks)',
)
PIPELINE = [
    {'type': 'LoadImage'},
    {'type': 'ResizeImage', 'size': 64},
    {'type': 'PackPairs', 'meta_keys': VQADataset.META_KEYS},
]


def build(type, **options):
    return DATASETS.build({'type': type, 'data_root': str(ROOT), 'pipeline': PIPELINE, **options})


def test_captions():
    captions = dict(format='coco_captions', data_prefix=dict(img='train2017'))
    training = build('PairDataset', ann_file='annotations/captions_train2017.json', **captions)
    assert len(training) == 650 and training[0]['data_samples'].text
    validation = build(
        'RetrievalDataset',
        ann_file='annotations/captions_val2017.json',
        **captions | dict(data_prefix=dict(img='val2017')),
    )
    sample = validation[0]['data_samples']
    assert len(validation) == 166 and sample.image_id.isdigit() and len(sample.text) >= 5
    images = build('ImageDataset', ann_file='annotations/captions_val2017.json', data_prefix=dict(img='val2017'))
    assert len(images) == 166 and 'text' not in images[0]['data_samples']


def test_questions():
    questions = dict(
        ann_file='annotations/vqa_v2_questions.json',
        answer_file='annotations/vqa_v2_annotations.json',
        data_prefix=dict(img='train2017'),
    )
    dataset = build('VQADataset', **questions)
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert len(infos) == 100 and all(len(info['answers']) == 10 for info in infos)
    assert {info['answer_type'] for info in infos} == {'yes/no', 'number', 'other'}
    assert dataset[0]['data_samples'].question_id == infos[0]['question_id']
    parts = [len(build('VQADataset', holdout=0.25, split=split, **questions)) for split in ('train', 'val')]
    assert sum(parts) == 100 and min(parts) > 10
