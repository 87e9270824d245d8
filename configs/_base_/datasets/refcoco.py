"""RefCOCO (Yu et al. 2016), split 'unc', 384 x 384: an expression has one box. Grounding's R1 is its accuracy.

Expects ``data/coco/train2014/`` and ``data/refcoco/{refs(unc).p, instances.json}``, see docs/data.md; SLAN_DATA names
another folder than ``data``. RefCOCO+ and RefCOCOg lie and read the same: ``refcoco+``, and ``refcocog`` with
``refs(umd).p`` and the splits train, val and test.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}'
image_size = 384
seed = 0

expressions = dict(
    type='GroundingDataset',
    ann_file='refcoco/refs(unc).p',
    instances='refcoco/instances.json',
    format='refer',
    data_root=data_root,
    data_prefix=dict(img='coco/train2014'),
    pipeline=[dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')],
)


def _evaluation_loader(split):
    return dict(**_base_.test_loader, batch_size=50, num_workers=4, dataset=dict(split=split, **expressions))


def _evaluator(name):
    # Two sets run one after the other: each needs a name of its own for its metrics.
    metric = dict(type='GroundingMetric', prefix=name, region_prefix=f'{name}_regions')
    return dict(type='mmengine.Evaluator', metrics=[metric])


train_dataloader = dict(
    **_base_.train_loader,
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(split='train', test_mode=False, seed=seed, **expressions),
)
val_dataloader = dict(grounding=_evaluation_loader('val'))
val_evaluator = dict(grounding=_evaluator('val'))
test_dataloader = dict(testA=_evaluation_loader('testA'), testB=_evaluation_loader('testB'))
test_evaluator = dict(testA=_evaluator('testA'), testB=_evaluator('testB'))
