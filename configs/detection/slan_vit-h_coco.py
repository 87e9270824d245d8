"""SLAN with a ViT-Huge fine-tuned on COCO detection, 8 GPUs x 2 pictures.

    bash tools/dist_train.sh configs/detection/slan_vit-h_coco.py 8
    bash tools/dist_test.sh configs/detection/slan_vit-h_coco.py work_dirs/slan_vit-h_coco 8

Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper's COCO box AP 63.5 (Table 4); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/tasks/detection.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'
model = dict(
    _base_.task_model,
    # The ViT's patches.
    data_preprocessor=dict(_base_.task_model.data_preprocessor, pad_size_divisor=14),
)
