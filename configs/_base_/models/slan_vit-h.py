"""SLAN with a ViT-Huge/14, randomly initialised: 929 M parameters in the paper."""

_base_ = './slan_base.py'

model = dict(
    image=dict(
        encoder=dict(
            backbone=dict(
                type='mmpretrain.VisionTransformer', arch='huge', img_size=224, patch_size=14, out_type='featmap'
            ),
        ),
    ),
)
