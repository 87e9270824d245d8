"""RTMDet-tiny on the pseudo-labels of your pictures, tested on true boxes: the fast one.

    SLAN_PSEUDO=work_dirs/pseudo_labels python tools/train.py configs/pseudo/rtmdet-tiny_pseudo.py

``_base_/datasets/pseudo_labels.py`` says where data are looked for. Training fetches ImageNet weights of the backbone.
Expected: not measured here.
"""

_base_ = [
    '../_base_/models/rtmdet-tiny.py',
    '../_base_/datasets/pseudo_labels.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

model = dict(bbox_head=dict(num_classes=_base_.num_classes))

sync_bn = 'torch'
train_dataloader = dict(batch_size=32)
train_cfg = dict(max_epochs=50, validations=5)
# The levels of the head share convolutions.
optim_wrapper = dict(optimizer=dict(lr=2e-3), paramwise_cfg=dict(bypass_duplicate=True))
auto_scale_lr = dict(enable=False, base_batch_size=32)
