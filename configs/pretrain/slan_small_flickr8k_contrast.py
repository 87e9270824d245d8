"""Flickr8k, first stage: the contrastive terms alone, with soft targets for ITC, on one CPU core.

    python tools/train.py configs/pretrain/slan_small_flickr8k_contrast.py

``slan_small_flickr8k_itm.py`` goes on from here. Features are those of ``slan_small_flickr8k.py``.
Expected: R@1 of the mixed score 32.7 and 27.4 after 62 minutes (docs/results.md).
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/tasks/two_stages.py']

model = dict(objective=_base_.contrast_stage)

test_evaluator = _base_.contrast_evaluator

train_cfg = dict(max_epochs=5, validations=1)
