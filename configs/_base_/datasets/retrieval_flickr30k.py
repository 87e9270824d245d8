"""Fine-tuning and testing retrieval on Flickr30k, 384 x 384; see retrieval_sets.py for the files."""

_base_ = ['./retrieval_sets.py', '../retrieval_384.py']

train_dataloader = dict(dataset=_base_.flickr30k)
val_dataloader = dict(retrieval=dict(dataset=_base_.flickr30k))
test_dataloader = val_dataloader
val_evaluator = dict(retrieval=dict(k=128))
test_evaluator = val_evaluator
