"""NLVR2, fine-tuned from pre-training: SLAN with a ResNet-50, 15 epochs, batch 256 (16 GPUs x 16).

    NNODES=2 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/nlvr2/slan_r50_nlvr2.py 8
    bash tools/dist_test.sh configs/nlvr2/slan_r50_nlvr2.py work_dirs/slan_r50_nlvr2 8

Starts from ``work_dirs/slan_r50_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper gives no figure for this encoder; not measured here.
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/nlvr2.py',
    '../_base_/tasks/nlvr2.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_r50_14m}}'
# 16 GPUs x 16
train_dataloader = dict(batch_size=16)
