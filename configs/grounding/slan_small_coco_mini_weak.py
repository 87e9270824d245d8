"""Class names of ``coco_mini`` as phrases, for the small SLAN that Flickr8k's captions have taught, without a box.

    python tools/dataset_converters/coco_to_grounding.py data/coco_mini/annotations/instances_val2017.json \
        work_dirs/coco_mini/grounding_val.json
    python tools/test.py configs/grounding/slan_small_coco_mini_weak.py work_dirs/slan_small_flickr8k

By COCO's sizes. ``--tta`` also looks at four overlapping tiles of an image. Photographs are expected in
``data/coco_mini`` and the encoders in ``weights`` (docs/install.md); SLAN_DATA and SLAN_WEIGHTS name other folders.
Expected: pointing 41.3, R@1 12.1 with the first stage's weights (docs/tasks/grounding.md).
"""

_base_ = '../pretrain/slan_small_flickr8k.py'

dataset = dict(
    type='GroundingDataset',
    ann_file='work_dirs/coco_mini/grounding_val.json',
    format='mdetr',
    data_prefix=dict(img='{{$SLAN_DATA:data}}/coco_mini/val2017'),
    pipeline=_base_.grounding_pipeline,
)
test_dataloader = dict(
    _delete_=True, grounding=dict(**_base_.test_loader, batch_size=8, num_workers=0, dataset=dataset)
)
test_evaluator = dict(
    _delete_=True,
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric', by_size=True)]),
)

# Tiles overlap by a quarter of their width.
tta_pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=840), dict(type='PackPairs')]
tta_model = dict(type='GroundingTiles', size=480)
