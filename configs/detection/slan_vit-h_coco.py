"""SLAN with a ViT-Huge fine-tuned on COCO detection, 8 GPUs x 2 pictures.

    bash tools/dist_train.sh configs/detection/slan_vit-h_coco.py 8
    bash tools/dist_test.sh configs/detection/slan_vit-h_coco.py work_dirs/slan_vit-h_coco 8

Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
Expected is the paper's number; not measured here:
COCO box AP 63.5 (Table 4).
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/detection_50e.py',
    '../_base_/detection_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'
_base_.model.pop('objective')
model = dict(
    type='SLANDetector',
    head=dict(max_per_img=100),
    data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=14,
    ),
    # COCO's 80 names in one prompt.
    text=dict(encoder=dict(max_words=256)),
    # All 100 regions: COCO counts the 100 best boxes of a picture, while a caption speaks of few things.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=5000, save_best='coco/bbox_mAP', rule='greater'))
