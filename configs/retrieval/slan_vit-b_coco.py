"""Retrieval on COCO, fine-tuned from pre-training: SLAN with a ViT-Base, 6 epochs, batch 256 (8 GPUs x 32).

    bash tools/dist_train.sh configs/retrieval/slan_vit-b_coco.py 8
    bash tools/dist_test.sh configs/retrieval/slan_vit-b_coco.py work_dirs/slan_vit-b_coco 8

Starts from ``work_dirs/slan_vit-b_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper gives no figure for this encoder; not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-b.py',
    '../_base_/datasets/retrieval_coco.py',
    '../_base_/tasks/retrieval.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-b_14m}}'
# 8 GPUs x 32
train_dataloader = dict(batch_size=32)
