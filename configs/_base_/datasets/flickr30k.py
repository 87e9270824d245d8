"""Flickr30k: Karpathy's splits for pairs and retrieval (test: 1,000 images), the official Entities for grounding.

Expects ``data/flickr30k/{images/, dataset_flickr30k.json}`` and ``data/flickr30k_entities/{Sentences/, Annotations/,
val.txt, test.txt}``, see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}'
image_size = 224
seed = 0

pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeImage', size=image_size),
    dict(type='PackPairs'),
]
captions = dict(
    ann_file='flickr30k/dataset_flickr30k.json',
    format='karpathy',
    data_root=data_root,
    data_prefix=dict(img='flickr30k/images'),
    pipeline=pipeline,
)
entities = dict(
    type='GroundingDataset',
    ann_file='flickr30k_entities',
    format='entities',
    data_root=data_root,
    data_prefix=dict(img='flickr30k/images'),
    pipeline=pipeline,
)
evaluation = dict(
    batch_size=50,
    num_workers=4,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='PairDataset', split='train', seed=seed, **captions),
)
val_dataloader = dict(
    retrieval=dict(dataset=dict(type='RetrievalDataset', split='val', **captions), **evaluation),
    grounding=dict(dataset=dict(split='val', **entities), **evaluation),
)
test_dataloader = dict(
    retrieval=dict(dataset=dict(type='RetrievalDataset', split='test', **captions), **evaluation),
    grounding=dict(dataset=dict(split='test', **entities), **evaluation),
)

val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator'),
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
)
test_evaluator = val_evaluator
