"""Faster R-CNN with ResNet-50 on the pseudo-labels of your pictures, tested on true boxes.

    SLAN_PSEUDO=work_dirs/pseudo_labels python tools/train.py configs/pseudo/faster-rcnn_r50_pseudo.py

``_base_/datasets/pseudo_labels.py`` says where data are looked for. Training fetches ImageNet weights of the backbone.
Expected: not measured here.
"""

_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/datasets/pseudo_labels.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

model = dict(_scope_='mmdet', roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes)))

train_cfg = dict(max_epochs=12, validations=4)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
auto_scale_lr = dict(enable=False, base_batch_size=8)
