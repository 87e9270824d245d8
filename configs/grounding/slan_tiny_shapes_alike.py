"""Pictures with several things of a kind, and plurals: the tiny SLAN answers a plural with several boxes.

    python tools/test.py configs/grounding/slan_tiny_shapes_alike.py checkpoints/slan_tiny_shapes_long.safetensors
    python tools/test.py configs/grounding/slan_tiny_shapes_alike.py checkpoints/slan_tiny_shapes_long.safetensors \
        --cfg-options model.several=None

The second answers every phrase with one box. Captions of pre-training have no plural.
Expected: recall of all boxes of a plural 35.8, 12.8 with one box each (docs/ablations.md).
"""

_base_ = '../pretrain/slan_tiny_shapes_long.py'

model = dict(several=3)
dataset = dict(type='ShapesAlike', split='test', task='grounding', image_size=_base_.image_size, test_mode=True)
test_dataloader = dict(_delete_=True, grounding=dict(_base_.test_dataloader.grounding, dataset=dataset))
test_evaluator = dict(_delete_=True, grounding=_base_.test_evaluator.grounding)
