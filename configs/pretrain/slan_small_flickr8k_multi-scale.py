"""The small model with ITM on Flickr8k, tested in two sizes of each image, with the querybank.

    python tools/test.py configs/pretrain/slan_small_flickr8k_multi-scale.py work_dirs/slan_small_flickr8k_itm

Images are encoded anew, because the feature store has one size. ``--cfg-options
test_evaluator.retrieval.querybank=None`` leaves the bank out.
"""

_base_ = './slan_small_flickr8k.py'

# With ITM's similarity, as slan_small_flickr8k_itm.py has it.
model = dict(
    type='MultiScaleSLAN',
    scales=(1.3,),
    objective=dict(similarity=dict(type='SimilarityFiltration')),
)

images = [*_base_.load, dict(type='PackPairs')]
bank = _base_.querybank.dataloader
querybank = dict(_base_.querybank, dataloader=dict(bank, dataset=dict(bank.dataset, pipeline=images)))
test_dataloader = dict(retrieval=dict(dataset=dict(pipeline=images)))
test_evaluator = dict(retrieval=dict(querybank=querybank))
