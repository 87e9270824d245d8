"""``ShapesGrounding`` to learn boxes from; grounding on the evaluation splits of ``ShapesPairs``."""

_base_ = './shapes.py'

image_size = 64
train_dataloader = dict(
    batch_size=32,
    dataset=dict(_delete_=True, type='ShapesGrounding', split='train', image_size=image_size),
)
for _name in ('val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'):
    _base_[_name].pop('retrieval')
