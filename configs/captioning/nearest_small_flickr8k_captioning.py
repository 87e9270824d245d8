"""A caption of the most similar training photograph, by the pre-trained model: the baseline of captioning Flickr8k.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k.py
    python tools/test.py configs/captioning/nearest_small_flickr8k_captioning.py work_dirs/slan_small_flickr8k

Expected: CIDEr 26.9 with ``slan_small_flickr8k_contrast.py`` (docs/tasks/captioning.md).
"""

_base_ = '../pretrain/slan_small_flickr8k.py'

model = dict(
    type='NearestCaptioner',
    # One caption of each photograph.
    gallery=dict(type='PairDataset', split='train', sample='image', **_base_.captions | dict(pipeline=_base_.pipeline)),
)

captioning = dict(
    **_base_.test_loader,
    batch_size=50,
    num_workers=0,
    dataset=dict(type='RetrievalDataset', split='val', **_base_.captions | dict(pipeline=_base_.pipeline)),
)
val_dataloader = dict(_delete_=True, captioning=captioning)
test_dataloader = dict(_delete_=True, captioning=captioning)
val_evaluator = dict(_delete_=True, captioning=dict(type='mmengine.Evaluator', metrics=[dict(type='CaptionMetric')]))
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best=None))
