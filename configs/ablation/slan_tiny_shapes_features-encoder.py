"""Table 10: the pyramid is the backbone's own levels, not the vision decoder's."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(image=dict(decoder=dict(_delete_=True, type='VisionDecoder', source='encoder')))
