"""Flickr8k with EfficientNet-Lite2, second stage: locator and ITM, on one CPU core.

    python tools/train.py configs/pretrain/slan_small-lite2_flickr8k_itm.py
    python tools/test.py configs/pretrain/slan_small-lite2_flickr8k_itm.py work_dirs/slan_small-lite2_flickr8k_itm

Goes on from ``work_dirs/slan_small-lite2_flickr8k_contrast``; SLAN_CHECKPOINT names another first stage.
Expected: ``retrieval/i2t_R1`` 38.3, ``retrieval_shortlist/i2t_R1`` 39.3 (docs/runs/flickr8k_longer_one-size;
docs/results.md).
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/models/flickr8k_lite2.py', '../_base_/tasks/two_stages.py']

cached = dict(type='LoadCachedFeatures', store=_base_.lite2_store, transforms=_base_.load)
views = [dict(store=f'{_base_.lite2_store}_view{view}', transforms=crop) for view, crop in enumerate(_base_.crops, 1)]
train_pipeline = [dict(cached, views=views), dict(type='PackPairs')]
pipeline = [cached, dict(type='PackPairs')]

model = dict(**_base_.lite2, objective=_base_.itm_stage)
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_small-lite2_flickr8k_contrast}}'

train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(retrieval=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=None, max_iters=600, validations=None, val_interval=600)
