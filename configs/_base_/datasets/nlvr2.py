"""NLVR2: 86,373 examples to train on, 6,982 in dev, 6,967 in test1 (public test), 384 x 384.

Expects ``data/nlvr2/{train.json, dev.json, test1.json, images/train/0/ to 99/, dev/, test1/}``, as the official
archives unpack, see docs/tasks/nlvr2.md; SLAN_DATA names another folder than ``data``. Dev takes no part in training.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/nlvr2'
image_size = 384
seed = 0

pipeline = [
    # Two pictures an item. No mirroring: sentences say left and right.
    dict(
        type='mmpretrain.ApplyToList',
        scatter_key='img_path',
        transforms=[dict(type='slan_mm.LoadImage'), dict(type='slan_mm.ResizeImage', size=image_size)],
        collate_keys=['img', 'ori_shape', 'img_shape'],
    ),
    dict(type='CleanCaptionPair'),
    dict(type='PackPairs'),
]

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    dataset=dict(type='NLVR2Dataset', ann_file='train.json', data_root=data_root, seed=seed, pipeline=pipeline),
)


def _evaluation_loaders(ann_file):
    return dict(
        nlvr2=dict(
            **_base_.test_loader,
            batch_size=32,
            num_workers=4,
            dataset=dict(
                type='NLVR2Dataset', ann_file=ann_file, data_root=data_root, pipeline=pipeline, test_mode=True
            ),
        )
    )


val_dataloader = _evaluation_loaders('dev.json')
test_dataloader = _evaluation_loaders('test1.json')
val_evaluator = dict(nlvr2=dict(type='mmengine.Evaluator', metrics=[dict(type='NLVR2Metric')]))
test_evaluator = val_evaluator
