"""Pictures with the pseudo-labels of ``tools/pseudo_label.py``, and pictures with true boxes to test on.

``SLAN_PSEUDO`` is the tool's output folder (default ``work_dirs/pseudo_labels``): its ``data``, ``labels.json`` and
``classes.txt`` are read; ``SLAN_PSEUDO_FILE=gold.json`` reads another COCO file. ``SLAN_TEST_BOXES`` is a COCO file
with true boxes of the same classes, its pictures lie in ``SLAN_TEST_PICTURES`` (default: the generated shapes that
``tools/dataset_converters/shapes_to_folder.py work_dirs/shapes_folder`` writes).
"""

import pathlib

_base_ = '../loaders.py'

data_root = '{{$SLAN_PSEUDO:work_dirs/pseudo_labels}}/'
labels = '{{$SLAN_PSEUDO_FILE:labels.json}}'
test_boxes = '{{$SLAN_TEST_BOXES:work_dirs/shapes_folder/test.json}}'
test_pictures = '{{$SLAN_TEST_PICTURES:work_dirs/shapes_folder/images}}/'
# The names in the order of their labels, one a line; the six shapes as long as nothing is written.
written = pathlib.Path(data_root, 'classes.txt').is_file()
classes = ('circle', 'square', 'triangle', 'diamond', 'cross', 'star')
if written:
    classes = tuple(pathlib.Path(data_root, 'classes.txt').read_text(encoding='utf-8').splitlines())
num_classes = len(classes)

meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction')
train_pipeline = [
    dict(type='LoadImageOrSkip'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', resize_type='mmdet.Resize', scale=(640, 640), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='mmdet.RandomCrop', crop_size=(640, 640)),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.Pad', size=(640, 640), pad_val=dict(img=(114, 114, 114))),
    dict(type='mmdet.PackDetInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=(640, 640), keep_ratio=True),
    dict(type='mmdet.Pad', size=(640, 640), pad_val=dict(img=(114, 114, 114))),
    dict(type='mmdet.PackDetInputs', meta_keys=meta_keys),
]

train_dataloader = dict(
    drop_last=True,
    # Surer pictures come more often, which weights their losses by their scores; mmdet's heads take no such weights.
    sampler=dict(type='ScoreSampler', shuffle=True),
    batch_size=8,
    num_workers=4,
    dataset=dict(
        type='PseudoLabelDataset',
        data_root=data_root,
        ann_file=labels,
        data_prefix=dict(img='{{$SLAN_PSEUDO_PICTURES:data}}/'),
        metainfo=dict(classes=classes),
        # A picture in which nothing was sure enough does not teach that nothing is there.
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    **_base_.test_loader,
    batch_size=8,
    num_workers=4,
    dataset=dict(
        type='CocoDataset',
        ann_file=test_boxes,
        data_prefix=dict(img=test_pictures),
        metainfo=dict(classes=classes),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoBoxMetric', ann_file=test_boxes, metric='bbox', classwise=True)
test_evaluator = val_evaluator
