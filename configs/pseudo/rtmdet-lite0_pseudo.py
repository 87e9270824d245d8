"""RTMDet-tiny on frozen EfficientNet-Lite0 and the pseudo-labels of your pictures, tested on true boxes: for a CPU.

    SLAN_PSEUDO=work_dirs/pseudo_flickr8k_coco SLAN_TEST_BOXES=data/coco_mini/annotations/instances_val2017.json \
        SLAN_TEST_PICTURES=data/coco_mini/val2017 python tools/train.py configs/pseudo/rtmdet-lite0_pseudo.py

``_base_/datasets/pseudo_labels.py`` says where data are looked for; docs/pseudo_labels.md makes these labels, for
COCO's classes. The encoder is expected in ``weights`` (docs/install.md); SLAN_WEIGHTS names another folder.
Expected: AP50 0.2 on these 166 photographs, 8.6 (person) on those of Flickr8k val (docs/pseudo_labels.md).
"""

_base_ = './rtmdet-tiny_pseudo.py'

channels = [40, 112, 320]
model = dict(
    # EfficientNet-Lite's normalisation.
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5], bgr_to_rgb=True),
    backbone=dict(
        _delete_=True,
        type='slan_mm.FrozenBackbone',
        backbone=dict(
            type='mmpretrain.TIMMBackbone',
            model_name='tf_efficientnet_lite0',
            features_only=True,
            out_indices=(2, 3, 4),
        ),
        checkpoint='{{$SLAN_WEIGHTS:weights}}/efficientnet_lite0.safetensors',
    ),
    neck=dict(in_channels=channels, out_channels=64),
    bbox_head=dict(in_channels=64, feat_channels=64),
)

# Flickr8k's photographs are squares here, so those of the test are made so, too.
resize = dict(type='mmdet.Resize', scale=(256, 256), keep_ratio=False)
pack = dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys)
load = [dict(type='LoadImageOrSkip'), dict(type='mmdet.LoadAnnotations', with_bbox=True)]
train_pipeline = [*load, resize, dict(type='mmdet.RandomFlip', prob=0.5), pack]
train_dataloader = dict(batch_size=16, num_workers=0, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16, num_workers=0, dataset=dict(pipeline=[dict(type='LoadImageFromFile'), resize, pack])
)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=None, validations=None, max_iters=400)
auto_scale_lr = dict(enable=False, base_batch_size=16)
