"""Table 5, no region adaptor: regions stay where the detector put them. The default has three."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(locator=dict(adaptors=_base_.model.locator.adaptors[:0]))
