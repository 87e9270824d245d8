"""Retrieval on Flickr30k, fine-tuned from pre-training: SLAN with a ViT-Huge, 6 epochs, batch 256 (32 GPUs x 8).

    NNODES=4 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/retrieval/slan_vit-h_flickr30k.py 8
    bash tools/dist_test.sh configs/retrieval/slan_vit-h_flickr30k.py work_dirs/slan_vit-h_flickr30k 8

Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper's I2T R@1 98.1, T2I R@1 90.2 (Table 1); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/retrieval_378.py',
    '../_base_/tasks/retrieval.py',
]

# 32 GPUs x 8
train_dataloader = dict(batch_size=8, dataset=_base_.flickr30k)
val_dataloader = dict(retrieval=dict(dataset=_base_.flickr30k))
test_dataloader = val_dataloader
val_evaluator = dict(retrieval=dict(k=128))
test_evaluator = val_evaluator

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'
