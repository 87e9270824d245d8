"""Class names as phrases, 224 x 224: boxes of ``coco_mini`` to learn from, and its val images and Flickr8k's to test.

Expects ``data/coco_mini/{train2017/, val2017/, annotations/}`` with ``grounding_train.json`` and ``grounding_val.json``
made by ``tools/dataset_converters/coco_to_grounding.py`` in ``work_dirs/coco_mini``, and ``data/flickr8k/{images/,
grounding_val.json}``, see docs/tasks/grounding.md; SLAN_DATA names another folder than ``data``.

Flickr8k's boxes are for evaluation only: nothing here trains on them.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}'
image_size = 224
seed = 0

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
common = dict(type='GroundingDataset', format='mdetr', pipeline=pipeline)
evaluation = dict(**_base_.test_loader, batch_size=32, num_workers=0)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=16,
    num_workers=0,
    dataset=dict(
        ann_file='work_dirs/coco_mini/grounding_train.json',
        data_prefix=dict(img=f'{data_root}/coco_mini/train2017'),
        test_mode=False,
        seed=seed,
        **common,
    ),
)
val_dataloader = dict(
    coco=dict(
        dataset=dict(
            ann_file='work_dirs/coco_mini/grounding_val.json',
            data_prefix=dict(img=f'{data_root}/coco_mini/val2017'),
            **common,
        ),
        **evaluation,
    ),
    grounding=dict(
        dataset=dict(
            ann_file=f'{data_root}/flickr8k/grounding_val.json',
            data_prefix=dict(img=f'{data_root}/flickr8k/images'),
            **common,
        ),
        **evaluation,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    coco=dict(
        type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric', prefix='coco', region_prefix='coco_regions')]
    ),
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
)
test_evaluator = val_evaluator
