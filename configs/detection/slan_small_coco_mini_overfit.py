"""Whether the detector can learn at all: 16 photographs, trained and evaluated on the same ones.

    python tools/train.py configs/detection/slan_small_coco_mini_overfit.py

Expected: bbox_mAP_50 of .559 on these 16; the goal is .5. Measured with the
moves of slan_small.py, before those of photographs (docs/tasks/detection.md).
"""

_base_ = './slan_small_coco_mini.py'

# Small pictures, for speed; not mirrored: the pictures to know are these.
image_size = (160, 160)


def _resized(pipeline, *more_keys):
    steps = [step for step in pipeline if step['type'] not in ('mmdet.RandomFlip', 'mmdet.PackDetInputs')]
    steps = [dict(step, scale=image_size) if step['type'] == 'mmdet.Resize' else step for step in steps]
    return [*steps, dict(type='mmdet.PackDetInputs', meta_keys=(*_base_.meta_keys, *more_keys))]


train_dataloader = dict(dataset=dict(indices=16, pipeline=_resized(_base_.train_pipeline)))
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        indices=16,
        pipeline=_resized(_base_.test_pipeline, 'instances'),
    ),
)
test_dataloader = val_dataloader
# The gold boxes of these 16 alone, from their samples: a file would bring those of all other pictures, as missed ones.
val_evaluator = dict(_delete_=True, type='mmdet.CocoMetric', metric='bbox')
test_evaluator = val_evaluator

# Dropout is against what is wanted here.
model = dict(image=dict(detector=dict(dropout=0.0)))
train_cfg = dict(max_iters=600, val_interval=100)
default_hooks = dict(checkpoint=dict(interval=100))
