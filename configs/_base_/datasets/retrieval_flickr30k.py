"""Fine-tuning and testing retrieval on Flickr30k, otherwise as on COCO; see retrieval_sets.py for the files."""

_base_ = './retrieval_coco.py'

train_dataloader = dict(dataset=dict(split='train', **_base_.flickr30k))
val_dataloader = dict(retrieval=dict(dataset=_base_.flickr30k))
test_dataloader = val_dataloader
val_evaluator = dict(retrieval=dict(k=128))
test_evaluator = val_evaluator
