"""Flickr8k with EfficientNet-Lite2 and its level of stride 8, first stage: the contrastive terms alone.

    python tools/cache_features.py configs/pretrain/slan_small-lite2-s8_flickr8k_contrast.py
    python tools/model_converters/add_levels.py configs/pretrain/slan_small-lite2-s8_flickr8k_contrast.py \\
        work_dirs/slan_small-lite2_flickr8k_contrast work_dirs/lite2_s8.pth
    python tools/train.py configs/pretrain/slan_small-lite2-s8_flickr8k_contrast.py

Goes on from ``work_dirs/lite2_s8.pth``; SLAN_CHECKPOINT names another file.
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/models/flickr8k_lite2_s8.py', '../_base_/tasks/two_stages.py']

cached = dict(type='LoadCachedFeatures', store=_base_.lite2_store, transforms=_base_.load)
views = [dict(view, store=f'{_base_.lite2_store}_view{number}') for number, view in enumerate(_base_.views, 1)]
train_pipeline = [dict(cached, views=views), dict(type='PackPairs')]
pipeline = [cached, dict(type='PackPairs')]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/lite2_s8.pth}}'
model = dict(**_base_.lite2, objective=_base_.contrast_stage)

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(retrieval=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = val_dataloader
test_evaluator = _base_.contrast_evaluator

# It begins from trained weights: a lower rate.
optim_wrapper = dict(optimizer=dict(lr=7.5e-4))
train_cfg = dict(max_epochs=None, max_iters=400, validations=None, val_interval=400)
