"""A few hundred COCO photographs in COCO's own layout, resized to a square: for proofs on a CPU, not for scores.

Expects ``data/coco_mini/{train2017/, val2017/, annotations/instances_{train,val}2017.json}``; SLAN_DATA names another
folder than ``data``. Any cut of COCO will do.
"""

_base_ = ['../loaders.py', './coco_instances.py']

data_root = '{{$SLAN_DATA:data}}/coco_mini/'
image_size = (256, 256)

train_pipeline = [
    dict(type='LoadImageOrSkip'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.Resize', scale=image_size, keep_ratio=False),
    dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=image_size, keep_ratio=False),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys),
]

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=8,
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=train_pipeline, **_base_.train_instances),
)
val_dataloader = dict(
    **_base_.test_loader,
    batch_size=8,
    num_workers=0,
    dataset=dict(data_root=data_root, pipeline=test_pipeline, **_base_.val_instances),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoBoxMetric', ann_file=f'{data_root}annotations/instances_val2017.json', metric='bbox')
test_evaluator = val_evaluator
