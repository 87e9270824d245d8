"""COCO 2017's instances as mmdet reads them, with the class names in every sample; data sets add folder and pipelines.

Expects ``data/coco/{train2017/, val2017/, annotations/instances_{train,val}2017.json}``, see docs/tasks/detection.md;
SLAN_DATA names another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}/coco/'
# 'text' are the class names that the detector is asked for.
meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction', 'text')

train_instances = dict(
    type='CocoDataset',
    ann_file='annotations/instances_train2017.json',
    data_prefix=dict(img='train2017/'),
    return_classes=True,
    # A picture without an object teaches that there is none.
    filter_cfg=dict(filter_empty_gt=False),
)
val_instances = dict(
    type='CocoDataset',
    ann_file='annotations/instances_val2017.json',
    data_prefix=dict(img='val2017/'),
    return_classes=True,
    test_mode=True,
)
