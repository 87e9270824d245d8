"""Flickr8k, first stage: the contrastive terms alone, with soft targets for ITC, on one CPU core.

    python tools/train.py configs/pretrain/slan_small_flickr8k_contrast.py

``slan_small_flickr8k_itm.py`` goes on from here. Features are those of ``slan_small_flickr8k.py``.
Expected: R@1 of the mixed score 32.7 and 27.4 after 62 minutes (docs/results.md).
"""

_base_ = './slan_small_flickr8k.py'

model = dict(
    objective=dict(
        soft_targets=dict(share=0.5, temperature=0.2, terms=('itc',)),
        weights=dict(itm=0.0, rerank=0.0),
        # Longer than the run.
        locator_start=100_000,
    )
)

# Nothing is there to re-rank by.
test_evaluator = dict(retrieval=dict(fast=True))

train_cfg = dict(max_epochs=5, validations=1)
