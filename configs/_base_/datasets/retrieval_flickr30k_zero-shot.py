"""Testing retrieval on Flickr30k without fine-tuning, otherwise as on COCO; see retrieval_sets.py for the files."""

_base_ = './retrieval_coco_zero-shot.py'

test_dataloader = dict(retrieval=dict(dataset=_base_.flickr30k))
test_evaluator = dict(retrieval=dict(k=128))
