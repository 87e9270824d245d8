"""Supervised grounding on generated pictures of 64 x 64 pixels: boxes of phrases are learned from.

    python tools/train.py configs/grounding/slan_tiny_shapes_grounding.py
    python tools/train.py configs/grounding/slan_tiny_shapes_grounding.py --cfg-options load_from=PRETRAINED.pth
    python tools/test.py configs/grounding/slan_tiny_shapes_grounding.py CHECKPOINT

Weak grounding, without boxes: test the checkpoint of configs/pretrain/slan_tiny_shapes.py with its own config. What to
expect: docs/tasks/grounding.md.
"""

_base_ = [
    '../_base_/models/slan_tiny.py',
    '../_base_/datasets/shapes_grounding.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

_base_.model.pop('objective')
model = dict(type='SLANGrounder', head=dict(score_dims=64))

train_cfg = dict(max_iters=800)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)
# What only retrieval and the image-only saliency read.
find_unused_parameters = True
