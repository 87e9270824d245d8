"""The small model on Flickr8k, phrases answered by a box for each thing: grounding alone, of a trained model.

    python tools/test.py configs/pretrain/slan_small_flickr8k_components.py work_dirs/slan_small_flickr8k

Further regions of a phrase are the connected parts of its map (``slan_mm/models/map_components.py``); "two dogs" is
answered by two boxes.
Expected: docs/ablations.md.
"""

_base_ = './slan_small_flickr8k.py'

model = dict(several=3, components=dict(type='MapComponents'))
test_dataloader = dict(_delete_=True, grounding={{_base_.grounding}})
test_evaluator = dict(_delete_=True, grounding={{_base_.test_evaluator.grounding}})
