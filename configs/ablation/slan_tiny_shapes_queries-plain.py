"""DETR's own query initialisation, box = sigmoid(delta), in place of learnable reference boxes on a grid."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(image=dict(detector=dict(query_init='plain')))
