"""mmdet's DETR on the boxes that the tiny detector learns from, with its backbone and width: what it is compared with.

    python tools/train.py configs/baseline/detr_tiny_shapes.py
    python tools/test.py configs/baseline/detr_tiny_shapes.py work_dirs/detr_tiny_shapes

From random weights: it has no other.
Expected: AP .001 after 800 steps (docs/tasks/detection.md).
"""

_base_ = [
    '../_base_/models/detr_tiny.py',
    '../_base_/datasets/shapes_detection.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

train_cfg = dict(max_iters=800, val_interval=800)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)
