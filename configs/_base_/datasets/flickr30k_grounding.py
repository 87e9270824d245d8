"""Flickr30k Entities with boxes, 384 x 384: 29,783 images to learn from, 1,000 each to validate and to test.

Expects ``data/flickr30k/images/`` and ``data/flickr30k_entities/{Sentences/, Annotations/, train.txt, val.txt,
test.txt}``, see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}'
image_size = 384
seed = 0

entities = dict(
    type='GroundingDataset',
    ann_file='flickr30k_entities',
    format='entities',
    data_root=data_root,
    data_prefix=dict(img='flickr30k/images'),
    pipeline=[dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')],
)
evaluation = dict(**_base_.test_loader, batch_size=50, num_workers=4)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(split='train', test_mode=False, seed=seed, **entities),
)
val_dataloader = dict(grounding=dict(dataset=dict(split='val', **entities), **evaluation))
test_dataloader = dict(grounding=dict(dataset=dict(split='test', **entities), **evaluation))

val_evaluator = dict(grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]))
test_evaluator = val_evaluator
