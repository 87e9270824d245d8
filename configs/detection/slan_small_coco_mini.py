"""The small detector on a few hundred COCO photographs, frozen EfficientNet-Lite0 and MiniLM.

    python tools/train.py configs/detection/slan_small_coco_mini.py
    python tools/test.py configs/detection/slan_small_coco_mini.py work_dirs/slan_small_coco_mini

Photographs are expected in ``data/coco_mini`` (docs/tasks/detection.md) and the encoders in ``weights``
(docs/install.md); SLAN_DATA and SLAN_WEIGHTS name other folders. From a pre-training checkpoint:
``--cfg-options load_from=work_dirs/slan_small_flickr8k``.
Expected: AP50 .008 pre-trained, .003 from random weights (docs/tasks/detection.md).
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/models/photograph_moves.py',
    '../_base_/datasets/coco_mini_detection.py',
    '../_base_/schedules/detection_cosine.py',
    '../_base_/detection_runtime.py',
]

adaptor = dict(type='RegionAdaptor', attention=_base_.attention, pooling=_base_.pooling)

model = dict(
    type='SLANDetector',
    map_terms=('lexical', 'contextual'),
    objective=None,
    head=dict(max_per_img=100, nms=dict(iou_threshold=0.5)),
    data_preprocessor=dict(type='mmdet.DetDataPreprocessor', bgr_to_rgb=True, pad_size_divisor=32),
    # Annotated boxes hold them.
    image=dict(smoothing=_base_.smoothing, detector=dict(learn_boxes=True)),
    # COCO's 80 names in one prompt.
    text=dict(encoder=dict(max_words=256)),
    locator=dict(
        region_filter=dict(top=None, threshold=None, max_overlap=None),
        adaptors=[dict(**adaptor, move=move, feature_level=level) for level, move in _base_.moves],
    ),
)

train_cfg = dict(max_iters=1000, val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=8)
