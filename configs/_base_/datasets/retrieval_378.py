"""retrieval_384.py for a ViT with patches of 14 pixels, of which 384 is no multiple: 27 x 27 patches."""

_base_ = ['./retrieval_sets.py', '../retrieval_384.py']

image_size = 378
load = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)]
train_dataloader = dict(dataset=dict(pipeline=[*load, *_base_.train_pipeline[2:]]))
val_dataloader = dict(retrieval=dict(dataset=dict(pipeline=[*load, *_base_.test_pipeline[2:]])))
test_dataloader = val_dataloader
