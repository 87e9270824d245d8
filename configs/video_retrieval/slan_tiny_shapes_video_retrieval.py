"""The tiny twin: videos of two generated scenes; zero-shot with a pre-training checkpoint, or trained on videos.

    python tools/test.py configs/video_retrieval/slan_tiny_shapes_video_retrieval.py \
        checkpoints/slan_tiny_shapes_long.safetensors
    python tools/train.py configs/video_retrieval/slan_tiny_shapes_video_retrieval.py

The first is the paper's protocol; the second goes on from there.
Starts from the shipped weights; SLAN_CHECKPOINT names another start, such as ``work_dirs/slan_tiny_shapes``.
Expected: chance of R@1 is 1.0; 59 zero-shot, 68.5 after the training, two seeds (docs/results_tasks.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_videos.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(type='VideoRetrieval')
train_cfg = dict(max_iters=400)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
auto_scale_lr = dict(enable=False, base_batch_size=16)
