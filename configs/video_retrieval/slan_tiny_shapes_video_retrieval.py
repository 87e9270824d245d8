"""The tiny twin: videos of two generated scenes; zero-shot with a pre-training checkpoint, or trained on videos.

    python tools/test.py configs/video_retrieval/slan_tiny_shapes_video_retrieval.py PRE-TRAINING-CHECKPOINT
    python tools/train.py configs/video_retrieval/slan_tiny_shapes_video_retrieval.py

The first is the paper's protocol; the second goes on from the checkpoint that SLAN_CHECKPOINT names. What to expect:
see docs/tasks/video_retrieval.md.
"""

_base_ = [
    '../_base_/models/slan_tiny.py',
    '../_base_/datasets/shapes_videos.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_tiny_shapes/iter_2900.pth}}'

model = dict(type='VideoRetrieval')
train_cfg = dict(max_iters=400)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
auto_scale_lr = dict(enable=False, base_batch_size=16)
