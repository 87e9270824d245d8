"""adamw_cosine.py for a single task that MMEngine's own loops evaluate."""

_base_ = './adamw_cosine.py'

val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
