"""Flickr8k with EfficientNet-Lite2, first stage: the contrastive terms alone, on one CPU core.

    bash tools/fetch_weights.sh --lite2
    python tools/cache_features.py configs/pretrain/slan_small-lite2_flickr8k_contrast.py
    python tools/train.py configs/pretrain/slan_small-lite2_flickr8k_contrast.py

``slan_small-lite2_flickr8k_itm.py`` goes on from here.
On two cores: ``bash tools/dist_train.sh CONFIG 2 --cfg-options train_dataloader.batch_size=64``.
Expected: R@1 of the mixed score 39.3 and 30.1 after 53 minutes of two cores (docs/results.md).
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/models/flickr8k_lite2.py', '../_base_/tasks/two_stages.py']

cached = dict(type='LoadCachedFeatures', store=_base_.lite2_store, transforms=_base_.load)
views = [dict(store=f'{_base_.lite2_store}_view{view}', transforms=crop) for view, crop in enumerate(_base_.crops, 1)]
train_pipeline = [dict(cached, views=views), dict(type='PackPairs')]
pipeline = [cached, dict(type='PackPairs')]

model = dict(**_base_.lite2, objective=_base_.contrast_stage)

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(retrieval=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = val_dataloader
test_evaluator = _base_.contrast_evaluator

train_cfg = dict(max_epochs=10, validations=2)
