"""SLAN with a ResNet-50, randomly initialised: 322 M parameters in the paper."""

_base_ = './slan_base.py'

model = dict(
    image=dict(
        encoder=dict(
            backbone=dict(
                type='mmdet.ResNet',
                depth=50,
                out_indices=(3,),
                norm_cfg=dict(type='BN', requires_grad=True),
                norm_eval=False,
            ),
            # Stride 32 of a ResNet.
            cell_centres=(0.5 / 32,),
        ),
        decoder=dict(scales=(1, 2, 2)),
        detector=dict(downsample=1),
    ),
)
