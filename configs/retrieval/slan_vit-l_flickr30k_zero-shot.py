"""Retrieval on Flickr30k, zero-shot: the pre-trained SLAN with a ViT-Large as it is.

    bash tools/dist_test.sh configs/retrieval/slan_vit-l_flickr30k_zero-shot.py work_dirs/slan_vit-l_14m 8

Expected: the paper gives no figure for this; not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-l.py',
    '../_base_/datasets/retrieval_flickr30k_zero-shot.py',
    '../default_runtime.py',
]
