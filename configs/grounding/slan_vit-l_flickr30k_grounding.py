"""Phrase grounding on Flickr30k Entities (boxes) with a ViT-Large, from a checkpoint: batch 64 (8 GPUs x 8).

    bash tools/dist_train.sh configs/grounding/slan_vit-l_flickr30k_grounding.py 8
    bash tools/dist_test.sh configs/grounding/slan_vit-l_flickr30k_grounding.py \
        work_dirs/slan_vit-l_flickr30k_grounding 8

Expected: the paper's R@1 89.1, R@5 98.0, R@10 98.9 (Table 4); not measured here.
Starts from ``work_dirs/slan_vit-l_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-l.py',
    '../_base_/datasets/flickr30k_grounding.py',
    '../_base_/schedules/grounding_10e.py',
    '../_base_/tasks/grounding.py',
]

model = dict(_base_.task_model, text=dict(encoder=dict(max_words=96)))
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-l_14m}}'
