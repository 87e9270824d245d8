"""Retrieval on Flickr30k, fine-tuned from pre-training: SLAN with a ViT-Large, 6 epochs, batch 256 (16 GPUs x 16).

    NNODES=2 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/retrieval/slan_vit-l_flickr30k.py 8
    bash tools/dist_test.sh configs/retrieval/slan_vit-l_flickr30k.py work_dirs/slan_vit-l_flickr30k 8

Starts from ``work_dirs/slan_vit-l_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper gives no figure for this encoder; not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-l.py',
    '../_base_/datasets/retrieval_flickr30k.py',
    '../_base_/tasks/retrieval.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-l_14m}}'
# 16 GPUs x 16
train_dataloader = dict(batch_size=16)
