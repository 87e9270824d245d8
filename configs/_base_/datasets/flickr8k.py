"""Flickr8k (Hodosh et al. 2013), 224 x 224: pairs without boxes to train on; retrieval and grounding on its val split.

Expects ``data/flickr8k/{images/, dataset_flickr8k.json, grounding_val.json}``, see docs/data.md; SLAN_DATA names
another folder than ``data``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/flickr8k'
image_size = 224
seed = 0

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
captions = dict(
    ann_file='dataset_flickr8k.json',
    format='karpathy',
    data_root=data_root,
    data_prefix=dict(img='images'),
    pipeline=pipeline,
)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    dataset=dict(type='PairDataset', split='train', seed=seed, **captions),
)
retrieval = dict(
    **_base_.test_loader,
    # 1,000 images, 5,000 captions.
    batch_size=50,
    num_workers=2,
    dataset=dict(type='RetrievalDataset', split='val', **captions),
)
grounding = dict(
    **_base_.test_loader,
    # 366 images of the val split with a caption each: 1,279 phrases, 1,843 boxes of Flickr30k Entities.
    batch_size=50,
    num_workers=2,
    dataset=dict(
        type='GroundingDataset',
        ann_file='grounding_val.json',
        format='mdetr',
        data_root=data_root,
        data_prefix=dict(img='images'),
        pipeline=pipeline,
    ),
)
# For a RetrievalEvaluator with a querybank: 1,000 training images and their 5,000 captions.
querybank = dict(
    dataloader=dict(
        **_base_.test_loader,
        batch_size=50,
        num_workers=2,
        dataset=dict(type='RetrievalDataset', split='train', indices=1000, **captions),
    ),
    weight=0.5,
)
# Along the way retrieval alone and without ITM, which takes most of the time of an evaluation; no box is looked at
# before the training is over.
val_dataloader = dict(retrieval=retrieval)
test_dataloader = dict(retrieval=retrieval, grounding=grounding)

val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator', fast=True))
test_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator'),
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
)
