"""COCO 2017 instances as mmdet reads them, with the class names in every sample; evaluated on val2017 by COCO's AP.

Expects ``data/coco/{train2017/, val2017/, annotations/instances_{train,val}2017.json}``, see docs/tasks/detection.md;
SLAN_DATA names another folder than ``data``.
"""

_base_ = ['../loaders.py', './coco_instances.py']

backend_args = None

# As DETR is trained.
train_pipeline = [
    dict(type='LoadImageOrSkip', backend_args=backend_args),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(
        type='mmdet.RandomChoice',
        transforms=[
            [
                dict(
                    type='mmdet.RandomChoiceResize',
                    scales=[(side, 1333) for side in range(480, 801, 32)],
                    resize_type='mmdet.Resize',
                    keep_ratio=True,
                )
            ],
            [
                dict(
                    type='mmdet.RandomChoiceResize',
                    scales=[(400, 1333), (500, 1333), (600, 1333)],
                    resize_type='mmdet.Resize',
                    keep_ratio=True,
                ),
                dict(
                    type='mmdet.RandomCrop', crop_type='absolute_range', crop_size=(384, 600), allow_negative_crop=True
                ),
                dict(
                    type='mmdet.RandomChoiceResize',
                    scales=[(side, 1333) for side in range(480, 801, 32)],
                    resize_type='mmdet.Resize',
                    keep_ratio=True,
                ),
            ],
        ],
    ),
    dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=backend_args),
    dict(type='mmdet.Resize', scale=(1333, 800), keep_ratio=True),
    # Boxes are evaluated in the original picture: they are read after the picture is resized.
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys),
]
# Squares, as in pre-training, of the side at which the paper counts FLOPs (Table 7): for zero-shot tests.
square_test_pipeline = [
    dict(step, scale=(384, 384), keep_ratio=False) if step['type'] == 'mmdet.Resize' else step for step in test_pipeline
]

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(
        data_root=_base_.data_root, pipeline=train_pipeline, backend_args=backend_args, **_base_.train_instances
    ),
)
val_dataloader = dict(
    **_base_.test_loader,
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(data_root=_base_.data_root, pipeline=test_pipeline, backend_args=backend_args, **_base_.val_instances),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='CocoBoxMetric', ann_file=f'{_base_.data_root}annotations/instances_val2017.json', metric='bbox'
)
test_evaluator = val_evaluator
