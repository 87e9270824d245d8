"""``ShapesDetection``: generated shapes data with boxes. Nothing to download."""

_base_ = '../loaders.py'

meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'text')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.Resize', scale=(64, 64), keep_ratio=False),
    dict(type='mmdet.PackDetInputs', meta_keys=meta_keys),
]
# CocoMetric takes the gold boxes from the samples ('instances') where there is no annotation file.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=(64, 64), keep_ratio=False),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs', meta_keys=(*meta_keys, 'instances')),
]
# tools/test.py --tta: as it is and larger, each mirrored, too.
tta_pipeline = [
    test_pipeline[0],
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='mmdet.Resize', scale=(size, size), keep_ratio=False) for size in (64, 80)],
            [dict(type='mmdet.RandomFlip', prob=prob) for prob in (0.0, 1.0)],
            [test_pipeline[2]],
            [dict(type='mmdet.PackDetInputs', meta_keys=(*meta_keys, 'instances', 'flip', 'flip_direction'))],
        ],
    ),
]

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    num_workers=0,
    dataset=dict(type='ShapesDetection', split='train', num_images=4000, return_classes=True, pipeline=train_pipeline),
)
val_dataloader = dict(
    **_base_.test_loader,
    batch_size=50,
    num_workers=0,
    dataset=dict(
        type='ShapesDetection', split='val', num_images=500, return_classes=True, test_mode=True, pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='mmdet.CocoMetric', metric='bbox')
test_evaluator = val_evaluator
