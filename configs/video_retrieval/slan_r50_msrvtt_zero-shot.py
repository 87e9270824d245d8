"""Text-to-video retrieval on MSR-VTT 1k-A, zero-shot: the pre-trained SLAN with a ResNet-50 as it is.

    bash tools/dist_test.sh configs/video_retrieval/slan_r50_msrvtt_zero-shot.py work_dirs/slan_r50_14m 8

Expected: the paper gives no figure for this encoder; not measured here.
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/msrvtt.py',
    '../default_runtime.py',
]

model = dict(type='VideoRetrieval')
