"""Pre-training on generated shapes data: 64 x 64 pictures, two CPU cores, about a quarter of an hour.

    bash tools/quickstart.sh                                       set-up, training, test, pictures
    python tools/train.py configs/pretrain/slan_tiny_shapes.py     the training alone

Expected: ``retrieval/i2t_R1`` 29.8, ``grounding/pointing`` 89.4, ``grounding/R1`` 70.4 (docs/runs/shapes;
docs/results.md).
"""

_base_ = [
    '../_base_/models/slan_tiny.py',
    '../_base_/datasets/shapes.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

# Contrast first, at half the cost of an iteration; ITM learns what it adds to the mixed score.
model = dict(objective=dict(locator_start=1400, weights=dict(rerank=1.0)))

max_iters = 2900
train_cfg = dict(max_iters=max_iters)
# Re-ranking takes most of the time of a test.
val_evaluator = dict(retrieval=dict(k=16))
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)

default_hooks = dict(checkpoint=dict(interval=100))
