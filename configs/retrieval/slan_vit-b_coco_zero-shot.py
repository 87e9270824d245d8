"""Retrieval on COCO, zero-shot: the pre-trained SLAN with a ViT-Base as it is.

    bash tools/dist_test.sh configs/retrieval/slan_vit-b_coco_zero-shot.py work_dirs/slan_vit-b_14m 8

COCO's training images are part of pre-training: zero-shot says that nothing was fine-tuned.

Expected: the paper gives no figure for this; not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-b.py',
    '../_base_/datasets/retrieval_coco_zero-shot.py',
    '../default_runtime.py',
]
