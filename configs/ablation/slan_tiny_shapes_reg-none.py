"""No progressive region regression (Eq. 3): the adaptors do not teach the detector."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(objective=dict(weights=dict(reg=0.0)))
