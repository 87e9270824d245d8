"""The small model with EfficientNet-Lite2 and its level of stride 8 on Flickr8k, in three sizes, with the querybank.

    python tools/test.py configs/pretrain/slan_small-lite2-s8_flickr8k_multi-scale.py \\
        work_dirs/slan_small-lite2-s8_flickr8k_contrast

Retrieval is by the mixed score: there is no stage of ITM.
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/models/flickr8k_lite2_s8.py', '../_base_/tasks/two_stages.py']

model = dict(type='MultiScaleSLAN', scales=(0.7, 1.3), **_base_.lite2, objective=_base_.contrast_stage)

images = [*_base_.load, dict(type='PackPairs')]
bank = _base_.querybank.dataloader
querybank = dict(_base_.querybank, dataloader=dict(bank, dataset=dict(bank.dataset, pipeline=images)))
test_dataloader = dict(retrieval=dict(dataset=dict(pipeline=images)))
test_evaluator = dict(retrieval=dict(querybank=querybank, fast=True))
