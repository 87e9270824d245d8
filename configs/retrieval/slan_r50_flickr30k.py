"""Retrieval on Flickr30k, fine-tuned from pre-training: SLAN with a ResNet-50, 6 epochs, batch 256 (8 GPUs x 32).

    bash tools/dist_train.sh configs/retrieval/slan_r50_flickr30k.py 8
    bash tools/dist_test.sh configs/retrieval/slan_r50_flickr30k.py work_dirs/slan_r50_flickr30k 8

Starts from ``work_dirs/slan_r50_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper's TR@1 97.4, IR@1 88.2 (Table 9); not measured here.
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/retrieval_flickr30k.py',
    '../_base_/tasks/retrieval.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_r50_14m}}'
# 8 GPUs x 32
train_dataloader = dict(batch_size=32)
