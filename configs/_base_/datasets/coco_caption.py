"""COCO captioning on Karpathy's splits: 113 k images with 567 k captions to train on, 5 k images to test.

Expects ``data/coco/{train2014/, val2014/, dataset_coco.json}``, see docs/data.md; SLAN_DATA names another folder than
``data``. Configs choose ``image_size`` by setting the pipeline anew.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/coco'
image_size = 224

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
captions = dict(
    ann_file='dataset_coco.json', format='karpathy', data_root=data_root, data_prefix=dict(img=''), pipeline=pipeline
)
evaluation = dict(**_base_.test_loader, batch_size=32, num_workers=4)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(type='PairDataset', split=['train', 'restval'], **captions),
)
# An image with all its captions, which are the references.
val_dataloader = dict(captioning=dict(dataset=dict(type='RetrievalDataset', split='val', **captions), **evaluation))
test_dataloader = dict(captioning=dict(dataset=dict(type='RetrievalDataset', split='test', **captions), **evaluation))

val_evaluator = dict(captioning=dict(type='mmengine.Evaluator', metrics=[dict(type='CaptionMetric')]))
test_evaluator = dict(
    captioning=dict(
        type='mmengine.Evaluator', metrics=[dict(type='CaptionMetric', outfile_prefix='work_dirs/coco_caption/results')]
    )
)
