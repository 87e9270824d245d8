"""The tiny detector, fine-tuned on generated pictures of 64 x 64 pixels with boxes of six classes.

    python tools/train.py configs/detection/slan_tiny_shapes_detection.py
    python tools/train.py configs/detection/slan_tiny_shapes_detection.py --cfg-options load_from=PRETRAINED.pth
    python tools/test.py configs/detection/slan_tiny_shapes_detection.py CHECKPOINT.pth

Zero-shot: test the checkpoint of configs/pretrain/slan_tiny_shapes.py itself. What to expect: docs/tasks/detection.md.
"""

_base_ = [
    '../_base_/models/slan_tiny.py',
    '../_base_/datasets/shapes_detection.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

_base_.model.pop('objective')
model = dict(
    type='SLANDetector',
    head=dict(max_per_img=25),
    data_preprocessor=dict(type='mmdet.DetDataPreprocessor', bgr_to_rgb=True, pad_size_divisor=16),
    # 'detect', the colon and the commas are spelled, or unknown, in the shapes' vocabulary.
    text=dict(encoder=dict(max_words=64)),
    # All 25 regions: an answer is a ranking of many boxes, not the few that a caption speaks of.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)

train_cfg = dict(max_iters=800, val_interval=800)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=32)
