"""SLAN with a ViT-Large/16, randomly initialised: 601 M parameters in the paper."""

_base_ = './slan_base.py'

model = dict(
    image=dict(
        encoder=dict(
            backbone=dict(
                type='mmpretrain.VisionTransformer', arch='large', img_size=224, patch_size=16, out_type='featmap'
            ),
        ),
    ),
)
