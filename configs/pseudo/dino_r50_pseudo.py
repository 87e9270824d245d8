"""DINO with ResNet-50, a DETR, on the pseudo-labels of your pictures, tested on true boxes: the slow one, for a GPU.

    SLAN_PSEUDO=work_dirs/pseudo_labels python tools/train.py configs/pseudo/dino_r50_pseudo.py

``_base_/datasets/pseudo_labels.py`` says where data are looked for. Training fetches ImageNet weights of the backbone.
Expected: not measured here.
"""

_base_ = [
    '../_base_/models/dino_r50.py',
    '../_base_/datasets/pseudo_labels.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

model = dict(bbox_head=dict(num_classes=_base_.num_classes))

train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=12, validations=4)
optim_wrapper = dict(
    optimizer=dict(lr=1e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.1),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
auto_scale_lr = dict(enable=False, base_batch_size=16)
