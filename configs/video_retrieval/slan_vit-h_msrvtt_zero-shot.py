"""Text-to-video retrieval on MSR-VTT 1k-A, zero-shot: the pre-trained SLAN with a ViT-Huge as it is.

    bash tools/dist_test.sh configs/video_retrieval/slan_vit-h_msrvtt_zero-shot.py work_dirs/slan_vit-h_14m 8

Expected: the paper's text to video R@1 46.8, R@5 70.5, R@10 83.6, median rank 1.5 (Table 3); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/msrvtt.py',
    '../default_runtime.py',
]

model = dict(type='VideoRetrieval')
