"""COCO captions on Karpathy's splits, 224 x 224: 113 k images with 567 k captions to train on, 5 k to test retrieval.

Expects ``data/coco/{train2014/, val2014/, dataset_coco.json}``, see docs/data.md; SLAN_DATA names another folder than
``data``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/coco'
image_size = 224
seed = 0

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
captions = dict(
    ann_file='dataset_coco.json',
    format='karpathy',
    data_root=data_root,
    data_prefix=dict(img=''),
    id_prefix='coco/',
    pipeline=pipeline,
)
evaluation = dict(**_base_.test_loader, batch_size=50, num_workers=4)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    # 'restval' are the images of val2014 that Karpathy's splits leave for training.
    dataset=dict(type='PairDataset', split=['train', 'restval'], seed=seed, **captions),
)
val_dataloader = dict(retrieval=dict(dataset=dict(type='RetrievalDataset', split='val', **captions), **evaluation))
test_dataloader = dict(retrieval=dict(dataset=dict(type='RetrievalDataset', split='test', **captions), **evaluation))

val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator'))
test_evaluator = val_evaluator
