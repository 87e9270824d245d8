"""Table 6, last row: a threshold of .5. The default has .3."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(locator=dict(region_filter=dict(threshold=0.5)))
