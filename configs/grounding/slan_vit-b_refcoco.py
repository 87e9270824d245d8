"""Referring expressions of RefCOCO with a ViT-Base, from a pre-training checkpoint: batch 64 (8 GPUs x 8).

    bash tools/dist_train.sh configs/grounding/slan_vit-b_refcoco.py 8
    bash tools/dist_test.sh configs/grounding/slan_vit-b_refcoco.py work_dirs/slan_vit-b_refcoco 8

The accuracy of an expression's one box is val/R1, testA/R1 and testB/R1. The paper reports none; not measured here.
Starts from ``work_dirs/slan_vit-b_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-b.py',
    '../_base_/datasets/refcoco.py',
    '../_base_/schedules/grounding_10e.py',
    '../default_runtime.py',
]

_base_.model.pop('objective')
model = dict(type='SLANGrounder', head=dict())

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-b_14m}}'
auto_scale_lr = dict(enable=False, base_batch_size=64)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='val/R1', rule='greater'))
# What only retrieval and the image-only saliency read.
find_unused_parameters = True
