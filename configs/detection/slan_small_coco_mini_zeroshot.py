"""COCO detection by the small SLAN that Flickr8k's captions have taught, without a single box in training.

    python tools/test.py configs/detection/slan_small_coco_mini_zeroshot.py work_dirs/slan_small_flickr8k

Photographs are expected in ``data/coco_mini`` (docs/tasks/detection.md) and the encoders in ``weights``
(docs/install.md); SLAN_DATA and SLAN_WEIGHTS name other folders.
Expected: AP50 of each class, docs/pseudo_labels.md.
"""

_base_ = './slan_small_coco_mini.py'

model = dict(
    image=dict(detector=dict(learn_boxes=False)),
    text=dict(encoder=dict(max_words=32)),
    locator=dict(region_filter=dict(top=12, threshold=0.1, max_overlap=0.3)),
    # A prompt for each class, as a phrase has a pass of its own in pre-training; each answers with 12 regions.
    prompt=dict(max_classes=1),
    head=dict(max_per_img=960),
)

# As phrases of Flickr8k are grounded.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=(480, 480), keep_ratio=False),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs', meta_keys=_base_.meta_keys),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(classwise=True)
test_evaluator = val_evaluator
train_cfg = dict(max_iters=1500, val_interval=500)
