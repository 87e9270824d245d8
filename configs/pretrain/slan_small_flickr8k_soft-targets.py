"""The small model on Flickr8k with soft targets: retrieval reads more, grounding less.

    python tools/train.py configs/pretrain/slan_small_flickr8k_soft-targets.py

Among 6,000 photographs many captions fit several (``slan_mm/models/objectives/soft_targets.py``). Features are those
of ``slan_small_flickr8k.py``.
Expected: ``retrieval/i2t_R1`` 37.4, ``grounding/R1`` 34.0 with the querybank (docs/runs/flickr8k_soft;
docs/results.md).
"""

_base_ = './slan_small_flickr8k.py'

model = dict(objective=dict(soft_targets=dict(share=0.5, temperature=0.2)))
