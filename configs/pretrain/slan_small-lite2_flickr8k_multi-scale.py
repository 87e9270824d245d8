"""The small model with EfficientNet-Lite2 and ITM on Flickr8k, tested with more views of each image and the querybank.

    python tools/test.py configs/pretrain/slan_small-lite2_flickr8k_multi-scale.py \
        work_dirs/slan_small-lite2_flickr8k_itm

Three sizes, each mirrored too. Images are encoded anew, because the feature store has one size. ``--cfg-options
test_evaluator.retrieval.querybank=None`` leaves the bank out, ``model.mirrored=False`` half of the views.
Expected: ``retrieval/i2t_R1`` 43.0, ``retrieval_shortlist/i2t_R1`` 42.9 (two seeds, docs/runs/flickr8k_longer);
grounding R@1 35.9, pointing by the peak 76.5 (flickr8k_longer_alone in docs/results.md).
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/models/flickr8k_lite2.py', '../_base_/tasks/two_stages.py']

# Fitted to the longer contrast, on every second photograph of val.
moves = (*_base_.moves[:2], (2, dict(_base_.whole, c=4.5)))
model = dict(
    type='MultiScaleSLAN',
    scales=(0.7, 1.3),
    mirrored=True,
    alone_share=0.5,
    **_base_.lite2,
    locator=dict(adaptors=[dict(**_base_.adaptor, move=move, feature_level=level) for level, move in moves]),
    objective=_base_.itm_stage,
)

images = [*_base_.load, dict(type='PackPairs')]
bank = _base_.querybank.dataloader
querybank = dict(_base_.querybank, dataloader=dict(bank, dataset=dict(bank.dataset, pipeline=images)))
test_dataloader = dict(retrieval=dict(dataset=dict(pipeline=images)))
# ITM was trained beside a mixed score of one size, which tells less.
test_evaluator = dict(retrieval=dict(querybank=querybank, itm_weight=0.5))
