"""Flickr8k (Hodosh et al. 2013), 224 x 224: pairs without boxes to train on; retrieval and grounding on its val split.

Expects ``data/flickr8k/{images/, dataset_flickr8k.json, grounding_val.json}``, see docs/data.md; SLAN_DATA names
another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}/flickr8k'
image_size = 224
seed = 0

pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeImage', size=image_size),
    dict(type='PackPairs'),
]
captions = dict(
    ann_file='dataset_flickr8k.json',
    format='karpathy',
    data_root=data_root,
    data_prefix=dict(img='images'),
    pipeline=pipeline,
)

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='PairDataset', split='train', seed=seed, **captions),
)
val_dataloader = dict(
    # 1,000 images, 5,000 captions.
    retrieval=dict(
        batch_size=50,
        num_workers=2,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='RetrievalDataset', split='val', **captions),
    ),
    # 366 images of the val split with a caption each: 1,279 phrases, 1,843 boxes of Flickr30k Entities.
    grounding=dict(
        batch_size=50,
        num_workers=2,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='GroundingDataset',
            ann_file='grounding_val.json',
            format='mdetr',
            data_root=data_root,
            data_prefix=dict(img='images'),
            pipeline=pipeline,
        ),
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator'),
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
)
test_evaluator = val_evaluator
