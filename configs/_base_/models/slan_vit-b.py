"""SLAN with a ViT-Base/16, randomly initialised: 383 M parameters in the paper."""

_base_ = './slan_base.py'

model = dict(
    image=dict(
        encoder=dict(
            backbone=dict(
                type='mmpretrain.VisionTransformer', arch='base', img_size=224, patch_size=16, out_type='featmap'
            ),
        ),
    ),
)
