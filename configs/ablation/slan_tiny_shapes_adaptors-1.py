"""Table 5, one region adaptor. The default has three."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(locator=dict(adaptors=_base_.model.locator.adaptors[:1]))
