"""Pre-training on generated shapes data for longer: under an hour on one CPU core.

    python tools/train.py configs/pretrain/slan_tiny_shapes_long.py

Its weights are in ``checkpoints/slan_tiny_shapes_long.safetensors``.
Expected: ``retrieval/i2t_R1`` 83.3, ``grounding/pointing`` 96.8, ``grounding/R1`` 81.8 (docs/runs/shapes_long, the
mean of three seeds; docs/results.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

# Contrast first, at half the cost of an iteration; ITM learns what it adds to the mixed score. Masked words are asked
# of located regions from early on: contrast alone hardly learns shapes.
model = dict(
    objective=dict(locator_start=800, itm_start=2000, mask_probability=0.4, weights=dict(lm=2.0, rerank=1.0)),
)

max_iters = 8000
train_cfg = dict(max_iters=max_iters)
# Re-ranking takes most of the time of a test.
val_evaluator = dict(retrieval=dict(k=16))
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=2e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)

default_hooks = dict(checkpoint=dict(interval=1000))
