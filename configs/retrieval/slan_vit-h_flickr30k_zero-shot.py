"""Retrieval on Flickr30k, zero-shot: the pre-trained SLAN with a ViT-Huge as it is.

    bash tools/dist_test.sh configs/retrieval/slan_vit-h_flickr30k_zero-shot.py work_dirs/slan_vit-h_14m 8

Expected: the paper's I2T R@1 96.0, T2I R@1 86.1 (Table 1); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/retrieval_flickr30k_zero-shot.py',
    '../default_runtime.py',
]
