"""Fine-tuning and testing retrieval on COCO, 384 x 384; see retrieval_sets.py for the files."""

_base_ = ['./retrieval_sets.py', '../retrieval_384.py']

train_dataloader = dict(dataset=dict(split=['train', 'restval'], **_base_.coco))
val_dataloader = dict(retrieval=dict(dataset=_base_.coco))
test_dataloader = val_dataloader
