"""The caption of the most similar of 20,000 training pictures, by the pre-trained model: what a captioner has to beat.

    python tools/test.py configs/captioning/nearest_tiny_shapes_captioning.py \
        checkpoints/slan_tiny_shapes_long.safetensors

Expected: 18.4 % of the captions are true, CIDEr 281 (docs/tasks/captioning.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_caption.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(type='NearestCaptioner', gallery=_base_.train_dataloader.dataset)
train_cfg = dict(max_iters=400)
