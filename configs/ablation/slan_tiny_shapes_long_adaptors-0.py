"""The longer run without any region adaptor: what three of them are worth once shapes are learned.

    python tools/train.py configs/ablation/slan_tiny_shapes_long_adaptors-0.py

Expected: ``retrieval/i2t_R1`` 73.9, ``grounding/pointing`` 74.6, ``grounding/R1`` 0.9
(docs/runs/shapes_long_adaptors-0, the mean of three seeds; docs/results.md).
"""

_base_ = '../pretrain/slan_tiny_shapes_long.py'

model = dict(locator=dict(adaptors=_base_.model.locator.adaptors[:0]))
