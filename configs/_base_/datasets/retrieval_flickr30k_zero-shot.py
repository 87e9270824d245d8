"""Testing retrieval on Flickr30k without fine-tuning; see retrieval_sets.py for the files."""

_base_ = ['./retrieval_sets.py', '../retrieval_224_zero-shot.py']

test_dataloader = dict(retrieval=dict(dataset=_base_.flickr30k))
test_evaluator = dict(retrieval=dict(k=128))
