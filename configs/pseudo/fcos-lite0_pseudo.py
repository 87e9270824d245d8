"""FCOS on frozen EfficientNet-Lite0 and the pseudo-labels of your pictures, tested on true boxes: for a CPU.

    SLAN_PSEUDO=work_dirs/pseudo_flickr8k_coco SLAN_TEST_BOXES=data/coco_mini/annotations/instances_val2017.json \
        SLAN_TEST_PICTURES=data/coco_mini/val2017 python tools/train.py configs/pseudo/fcos-lite0_pseudo.py

``_base_/datasets/pseudo_labels.py`` says where data are looked for; docs/pseudo_labels.md makes these labels, for
COCO's classes. The encoder is expected in ``weights`` (docs/install.md); SLAN_WEIGHTS names another folder.
Expected: AP50 1.5 on the 126 annotated val photographs; on those of Flickr8k val 14.1 (person) and 34.5 (dog). Measured
after as many iterations of a slightly different schedule, see docs/pseudo_labels.md.
"""

_base_ = [
    '../_base_/datasets/pseudo_labels.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

channels = 96
lite0 = dict(type='mmpretrain.TIMMBackbone', model_name='tf_efficientnet_lite0', features_only=True, out_indices=(3, 4))
model = dict(
    _scope_='mmdet',
    type='FCOS',
    # EfficientNet-Lite's normalisation.
    data_preprocessor=dict(
        type='DetDataPreprocessor', mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5], bgr_to_rgb=True
    ),
    backbone=dict(
        type='slan_mm.FrozenBackbone',
        backbone=lite0,
        checkpoint='{{$SLAN_WEIGHTS:weights}}/efficientnet_lite0.safetensors',
    ),
    # No level of stride 8, which would take three quarters of the time: captions name large things.
    neck=dict(type='FPN', in_channels=[112, 320], out_channels=channels, num_outs=2),
    bbox_head=dict(
        type='FCOSHead',
        num_classes=_base_.num_classes,
        in_channels=channels,
        feat_channels=channels,
        stacked_convs=2,
        strides=[16, 32],
        regress_ranges=((-1, 96), (96, 1e8)),
        norm_on_bbox=True,
        centerness_on_reg=True,
        center_sampling=True,
        conv_bias=True,
        loss_bbox=dict(type='GIoULoss', loss_weight=1.0),
    ),
    test_cfg=dict(
        nms_pre=1000, min_bbox_size=0, score_thr=0.001, nms=dict(type='nms', iou_threshold=0.6), max_per_img=100
    ),
)

# Flickr8k's photographs are squares of 224 pixels here, so those of the test are made squares, too.
size = (224, 224)
pack = dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys)
train_pipeline = [
    dict(type='LoadImageOrSkip'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', resize_type='mmdet.Resize', scale=size, ratio_range=(0.6, 1.2), keep_ratio=False),
    dict(type='mmdet.RandomCrop', crop_size=size),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.Pad', size=size, pad_val=dict(img=(114, 114, 114))),
    pack,
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=size, keep_ratio=False),
    pack,
]
train_dataloader = dict(batch_size=16, num_workers=0, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=16, num_workers=0, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=2400)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=16)
