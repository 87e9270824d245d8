"""The tiny detector, fine-tuned on generated pictures of 64 x 64 pixels with boxes of six classes.

    python tools/train.py configs/detection/slan_tiny_shapes_detection.py
    python tools/test.py configs/detection/slan_tiny_shapes_detection.py work_dirs/slan_tiny_shapes_detection

Zero-shot: test ``checkpoints/slan_tiny_shapes_long.safetensors`` itself.
Starts from the shipped weights; SLAN_CHECKPOINT names another start, such as ``work_dirs/slan_tiny_shapes``.
Expected: AP .444, two seeds (docs/results_tasks.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_detection.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(
    type='SLANDetector',
    objective=None,
    # The moves lead several regions to one object, and a short training does not teach to tell it once.
    head=dict(max_per_img=25, nms=dict(iou_threshold=0.5)),
    # As phrases are grounded.
    word_weights=dict(terms=_base_.model.objective.calibrated, power=_base_.model.objective.word_power),
    data_preprocessor=dict(type='mmdet.DetDataPreprocessor', bgr_to_rgb=True, pad_size_divisor=16),
    # 'detect', the colon and the commas are spelled, or unknown, in the shapes' vocabulary.
    text=dict(encoder=dict(max_words=64)),
    # All 25 regions: an answer is a ranking of many boxes, not the few that a caption speaks of.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)

train_cfg = dict(max_iters=800, val_interval=800)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)
