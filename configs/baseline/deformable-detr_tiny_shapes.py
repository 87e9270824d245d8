"""mmdet's Deformable DETR on the boxes that the tiny detector learns from, with its backbone and width.

    python tools/train.py configs/baseline/deformable-detr_tiny_shapes.py
    python tools/test.py configs/baseline/deformable-detr_tiny_shapes.py work_dirs/deformable-detr_tiny_shapes

From random weights: it has no other.
Expected: AP .833 after 800 steps (docs/tasks/detection.md).
"""

_base_ = './detr_tiny_shapes.py'

attention = dict(_delete_=True, embed_dims=64, num_levels=3, batch_first=True)
model = dict(
    type='DeformableDETR',
    num_feature_levels=3,
    with_box_refine=True,
    backbone=dict(out_indices=(0, 1, 2)),
    neck=dict(in_channels=[32, 64, 128], norm_cfg=dict(type='GN', num_groups=8), num_outs=3),
    encoder=dict(layer_cfg=dict(self_attn_cfg=attention)),
    decoder=dict(layer_cfg=dict(cross_attn_cfg=attention), post_norm_cfg=None),
    positional_encoding=dict(offset=-0.5),
    bbox_head=dict(
        type='DeformableDETRHead',
        loss_cls=dict(_delete_=True, type='FocalLoss', use_sigmoid=True, loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(match_costs=[dict(type='FocalLossCost', weight=2.0), *_base_.box_costs]),
    ),
)
