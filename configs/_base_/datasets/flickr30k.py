"""Flickr30k: Karpathy's splits for pairs and retrieval (test: 1,000 images), the official Entities for grounding.

Expects ``data/flickr30k/{images/, dataset_flickr30k.json}`` and ``data/flickr30k_entities/{Sentences/, Annotations/,
val.txt, test.txt}``, see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}'
image_size = 224
seed = 0

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
pictures = dict(data_root=data_root, data_prefix=dict(img='flickr30k/images'), pipeline=pipeline)
captions = dict(ann_file='flickr30k/dataset_flickr30k.json', format='karpathy', **pictures)
entities = dict(type='GroundingDataset', ann_file='flickr30k_entities', format='entities', **pictures)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(type='PairDataset', split='train', seed=seed, **captions),
)
evaluation = dict(**_base_.test_loader, batch_size=50, num_workers=4)


def _evaluation_loaders(split):
    return dict(
        retrieval=dict(dataset=dict(type='RetrievalDataset', split=split, **captions), **evaluation),
        grounding=dict(dataset=dict(split=split, **entities), **evaluation),
    )


val_dataloader = _evaluation_loaders('val')
test_dataloader = _evaluation_loaders('test')
grounding = dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')])
val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator'), grounding=grounding)
test_evaluator = val_evaluator
