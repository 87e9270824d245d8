"""No region-word term: words learn where they are from ITM and LM alone."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(space_dims=dict(_delete_=True, lexical=64), objective=dict(region_word=None, calibrated=()))
