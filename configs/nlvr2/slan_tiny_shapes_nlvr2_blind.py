"""Sentences about two generated pictures, judged without seeing them: what a model reaches by the text alone.

    python tools/train.py configs/nlvr2/slan_tiny_shapes_nlvr2_blind.py
    python tools/test.py configs/nlvr2/slan_tiny_shapes_nlvr2_blind.py work_dirs/slan_tiny_shapes_nlvr2_blind

Expected: 50, which is chance (docs/tasks/nlvr2.md).
"""

_base_ = './slan_tiny_shapes_nlvr2.py'

pipeline = [dict(type='BlankImage'), dict(type='PackPairs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(nlvr2=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = dict(nlvr2=dict(dataset=dict(pipeline=pipeline)))
