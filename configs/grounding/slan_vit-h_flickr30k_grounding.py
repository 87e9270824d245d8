"""Phrase grounding on Flickr30k Entities (boxes) with a ViT-Huge, from a checkpoint: batch 64 (8 GPUs x 8).

    bash tools/dist_train.sh configs/grounding/slan_vit-h_flickr30k_grounding.py 8
    bash tools/dist_test.sh configs/grounding/slan_vit-h_flickr30k_grounding.py \
        work_dirs/slan_vit-h_flickr30k_grounding 8

Expected: the paper's R@1 90.6, R@5 98.6, R@10 99.3 (Table 4); not measured here.
Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/flickr30k_grounding.py',
    '../_base_/schedules/grounding_10e.py',
    '../_base_/tasks/grounding.py',
]

model = dict(_base_.task_model, text=dict(encoder=dict(max_words=96)))
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'
