"""Table 5, two region adaptors. The default has three."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(locator=dict(adaptors=_base_.model.locator.adaptors[:2]))
