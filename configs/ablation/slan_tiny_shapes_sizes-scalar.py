"""Eq. 2's moves: K x K cells move the centre, one learnable factor a side and level scales the size."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(
    locator=dict(
        adaptors=[
            {**adaptor, 'move': dict(type='ScalarMove', ratio=ratio, size_factors='free')}
            for adaptor, ratio in zip(_base_.model.locator.adaptors, (1.0, 0.5, 0.25), strict=True)
        ]
    )
)
