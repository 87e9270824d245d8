"""COCO detection by the pre-trained SLAN (vit-b) as it is, without a single box in training.

    bash tools/dist_test.sh configs/detection/slan_vit-b_coco_zeroshot.py work_dirs/slan_vit-b_14m 8

Expected is the paper's number; not measured here: COCO box AP 47 (Table 4).
"""

_base_ = './slan_vit-b_coco.py'

# Pictures as in pre-training: squares, here of the side at which the paper counts FLOPs (Table 7).
test_pipeline = [
    dict(step, scale=(384, 384), keep_ratio=False) if step['type'] == 'mmdet.Resize' else step
    for step in _base_.test_pipeline
]
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# No one-to-one training has taught regions to leave an object to one of them.
model = dict(head=dict(nms=dict(type='nms', iou_threshold=0.5)))
