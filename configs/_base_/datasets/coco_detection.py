"""COCO 2017 instances as mmdet reads them, with the class names in every sample; evaluated on val2017 by COCO's AP.

Expects ``data/coco/{train2017/, val2017/, annotations/instances_{train,val}2017.json}``, see docs/tasks/detection.md;
SLAN_DATA names another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}/coco/'
backend_args = None
# 'text' are the class names that the detector is asked for.
meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction', 'text')

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
    dict(type='mmdet.PackDetInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=backend_args),
    dict(type='mmdet.Resize', scale=(1333, 800), keep_ratio=True),
    # Boxes are evaluated in the original picture: they are read after the picture is resized.
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs', meta_keys=meta_keys),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        return_classes=True,
        # A picture without an object teaches that there is none.
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=train_pipeline,
        backend_args=backend_args,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        return_classes=True,
        test_mode=True,
        pipeline=test_pipeline,
        backend_args=backend_args,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoBoxMetric', ann_file=f'{data_root}annotations/instances_val2017.json', metric='bbox')
test_evaluator = val_evaluator
