"""``ShapesGrounding`` to learn boxes from; grounding on the evaluation splits of ``ShapesPairs``."""

_base_ = './shapes.py'

image_size = 64
train_dataloader = dict(
    batch_size=32, dataset=dict(_delete_=True, type='ShapesGrounding', split='train', image_size=image_size)
)
val_dataloader = dict(_delete_=True, grounding=_base_.val_dataloader.grounding)
test_dataloader = dict(_delete_=True, grounding=_base_.test_dataloader.grounding)
val_evaluator = dict(_delete_=True, grounding=_base_.val_evaluator.grounding)
test_evaluator = val_evaluator
