"""A few COCO captions, 224 x 224: 130 images with 650 captions to train on, 166 images of val2017 to test.

Expects ``data/coco_mini/{train2017/, val2017/, annotations/captions_{train,val}2017.json}``: COCO's own layout, so that
the whole of COCO 2017 takes its place. SLAN_DATA names another folder than ``data``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/coco_mini'
image_size = 224

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
captions = dict(format='coco_captions', data_root=data_root, pipeline=pipeline)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    num_workers=0,
    dataset=dict(
        type='PairDataset',
        ann_file='annotations/captions_train2017.json',
        data_prefix=dict(img='train2017'),
        **captions,
    ),
)
val_dataloader = dict(
    captioning=dict(
        **_base_.test_loader,
        batch_size=32,
        num_workers=0,
        dataset=dict(
            type='RetrievalDataset',
            ann_file='annotations/captions_val2017.json',
            data_prefix=dict(img='val2017'),
            **captions,
        ),
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(captioning=dict(type='mmengine.Evaluator', metrics=[dict(type='CaptionMetric')]))
test_evaluator = dict(
    captioning=dict(
        type='mmengine.Evaluator',
        metrics=[dict(type='CaptionMetric', outfile_prefix='work_dirs/coco_mini_caption/results')],
    )
)
