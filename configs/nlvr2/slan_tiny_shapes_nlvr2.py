"""The tiny twin: sentences about two generated pictures, from pre-trained weights.

    python tools/train.py configs/nlvr2/slan_tiny_shapes_nlvr2.py
    python tools/test.py configs/nlvr2/slan_tiny_shapes_nlvr2.py work_dirs/slan_tiny_shapes_nlvr2

Starts from the shipped weights; SLAN_CHECKPOINT names another start, such as ``work_dirs/slan_tiny_shapes``.
Expected: accuracy 95.1, two seeds; chance is 50 (docs/results_tasks.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_nlvr.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(type='NLVR', objective=None, head=dict(attention=dict(num_heads=4, feedforward_channels=128)))
train_cfg = dict(max_iters=800)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(enable=False, base_batch_size=32)
