"""Retrieval on COCO, fine-tuned from pre-training: SLAN with a ResNet-50, 6 epochs, batch 256 (8 GPUs x 32).

    bash tools/dist_train.sh configs/retrieval/slan_r50_coco.py 8
    bash tools/dist_test.sh configs/retrieval/slan_r50_coco.py work_dirs/slan_r50_coco 8

Starts from ``work_dirs/slan_r50_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper's TR@1 85.1, IR@1 68.9 (Table 9); not measured here.
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/retrieval_coco.py',
    '../_base_/tasks/retrieval.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_r50_14m}}'
# 8 GPUs x 32
train_dataloader = dict(batch_size=32)
