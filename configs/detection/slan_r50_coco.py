"""SLAN with a ResNet-50 fine-tuned on COCO detection, 8 GPUs x 2 pictures.

    bash tools/dist_train.sh configs/detection/slan_r50_coco.py 8
    bash tools/dist_test.sh configs/detection/slan_r50_coco.py work_dirs/slan_r50_coco 8

Starts from ``work_dirs/slan_r50_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper's COCO box AP 59.2 (Table 4); not measured here.
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/tasks/detection.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_r50_14m}}'
model = dict(
    _base_.task_model,
    # The stride of a ResNet.
    data_preprocessor=dict(_base_.task_model.data_preprocessor, pad_size_divisor=32),
    # Statistics of two pictures, of two sizes at that, say nothing: those of pre-training stay.
    image=dict(encoder=dict(backbone=dict(norm_cfg=dict(requires_grad=False), norm_eval=True))),
)
