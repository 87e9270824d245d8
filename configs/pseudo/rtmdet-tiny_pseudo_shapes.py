"""RTMDet-tiny, still smaller, on pseudo-labels of generated pictures of 64 x 64 pixels, from random weights on a CPU.

    python tools/train.py configs/pseudo/rtmdet-tiny_pseudo_shapes.py

Expected: ``bbox_mAP_50`` as in docs/pseudo_labels.md.
"""

_base_ = './rtmdet-tiny_pseudo.py'

model = dict(
    backbone=dict(widen_factor=0.25, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256], out_channels=64),
    bbox_head=dict(in_channels=64, feat_channels=64),
    test_cfg=dict(max_per_img=50),
)

# The pictures' own size.
resize = dict(type='mmdet.Resize', scale=(64, 64), keep_ratio=False)
pack = dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys)
train_pipeline = [
    dict(type='LoadImageOrSkip'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    resize,
    dict(type='mmdet.RandomFlip', prob=0.5),
    pack,
]
train_dataloader = dict(batch_size=16, num_workers=0, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=50, num_workers=0, dataset=dict(pipeline=[dict(type='LoadImageFromFile'), resize, pack])
)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=None, validations=None, max_iters=800)
auto_scale_lr = dict(enable=False, base_batch_size=16)
