"""coco_detection.py with pictures as in pre-training: squares, of the side that the paper counts FLOPs at (Table 7)."""

_base_ = './coco_detection.py'

test_pipeline = [
    dict(step, scale=(384, 384), keep_ratio=False) if step['type'] == 'mmdet.Resize' else step
    for step in _base_.test_pipeline
]
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
