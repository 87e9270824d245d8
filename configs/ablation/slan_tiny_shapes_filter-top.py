"""Table 6, second row: the T most salient regions, whatever their saliency."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(locator=dict(region_filter=dict(threshold=None)))
