"""Fine-tuning COCO detection from pre-training: 80 class names in one prompt, 100 boxes a picture, 50 epochs."""

_base_ = ['../schedules/detection_50e.py', '../../default_runtime.py']

task_model = dict(
    type='SLANDetector',
    objective=None,
    head=dict(max_per_img=100),
    data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        # The encoder's patches; configs of other encoders set theirs.
        pad_size_divisor=16,
    ),
    # COCO's 80 names in one prompt.
    text=dict(encoder=dict(max_words=256)),
    # All 100 regions: COCO counts the 100 best boxes of a picture, while a caption speaks of few things.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(
    checkpoint=dict(interval=5000, save_best='coco/bbox_mAP', rule='greater'),
    visualization=dict(_delete_=True, type='mmdet.DetVisualizationHook'),
)
visualizer = dict(type='mmdet.DetLocalVisualizer')
# tools/test.py --tta: boxes of all views together, the best of those that overlap.
tta_model = dict(type='mmdet.DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
