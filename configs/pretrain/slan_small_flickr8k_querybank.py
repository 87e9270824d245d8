"""The small model on Flickr8k, retrieval normalised by a bank of 1,000 training photographs with their texts.

    python tools/test.py configs/pretrain/slan_small_flickr8k_querybank.py work_dirs/slan_small_flickr8k

Short general texts fit most photographs, and stand before better answers (``slan_mm/evaluation/querybank.py``).
Expected: ``retrieval/i2t_R1`` 35.5, ``retrieval/t2i_R1`` 28.5 (docs/runs/flickr8k_querybank; docs/results.md).
"""

_base_ = './slan_small_flickr8k.py'

test_evaluator = dict(retrieval=dict(querybank=_base_.querybank))
