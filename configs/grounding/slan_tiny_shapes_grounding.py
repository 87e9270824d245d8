"""Supervised grounding on generated pictures of 64 x 64 pixels: boxes of phrases are learned from.

    python tools/train.py configs/grounding/slan_tiny_shapes_grounding.py
    python tools/test.py configs/grounding/slan_tiny_shapes_grounding.py work_dirs/slan_tiny_shapes_grounding

Weak grounding, without boxes: test ``checkpoints/slan_tiny_shapes_long.safetensors`` itself.
Starts from the shipped weights; SLAN_CHECKPOINT names another start, such as ``work_dirs/slan_tiny_shapes``.
Expected: R@1 95.0, pointing 97.1, two seeds (docs/results_tasks.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_grounding.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(
    type='SLANGrounder',
    objective=None,
    head=dict(score_dims=64),
    # As SLAN grounds.
    word_weights=dict(terms=_base_.model.objective.calibrated, power=_base_.model.objective.word_power),
)

train_cfg = dict(max_iters=800)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)
