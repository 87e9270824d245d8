"""COCO detection by the pre-trained SLAN (r50) as it is, without a single box in training.

    bash tools/dist_test.sh configs/detection/slan_r50_coco_zeroshot.py work_dirs/slan_r50_14m 8

Expected: the paper's COCO box AP 46.9 (Table 4); not measured here.
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/tasks/detection.py',
]

val_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.square_test_pipeline))
test_dataloader = val_dataloader
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_r50_14m}}'
model = dict(
    _base_.task_model,
    # No one-to-one training has taught regions to leave an object to one of them.
    head=dict(_base_.task_model.head, nms=dict(iou_threshold=0.5)),
    # The stride of a ResNet.
    data_preprocessor=dict(_base_.task_model.data_preprocessor, pad_size_divisor=32),
    # Statistics of two pictures, of two sizes at that, say nothing: those of pre-training stay.
    image=dict(encoder=dict(backbone=dict(norm_cfg=dict(requires_grad=False), norm_eval=True))),
)
