"""Referring expressions of RefCOCO with a ViT-Base, from a pre-training checkpoint: batch 64 (8 GPUs x 8).

    bash tools/dist_train.sh configs/grounding/slan_vit-b_refcoco.py 8
    bash tools/dist_test.sh configs/grounding/slan_vit-b_refcoco.py work_dirs/slan_vit-b_refcoco 8

The accuracy of an expression's one box is val/R1, testA/R1 and testB/R1.
Expected: the paper gives no figure for this; not measured here.
Starts from ``work_dirs/slan_vit-b_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-b.py',
    '../_base_/datasets/refcoco.py',
    '../_base_/schedules/grounding_10e.py',
    '../_base_/tasks/grounding.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-b_14m}}'
default_hooks = dict(checkpoint=dict(save_best='val/R1'))
