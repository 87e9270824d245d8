"""Fine-tuning and testing retrieval on COCO, 384 x 384; see retrieval_sets.py for the files."""

_base_ = ['../loaders.py', './retrieval_sets.py']

image_size = 384
seed = 0

load = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)]
train_pipeline = [*load, dict(type='RandomFlipPair'), dict(type='CleanCaptionPair'), dict(type='PackPairs')]
test_pipeline = [*load, dict(type='CleanCaptionPair'), dict(type='PackPairs')]


def _evaluation_loaders(split):
    dataset = dict(type='RetrievalDataset', split=split, pipeline=test_pipeline, **_base_.coco)
    return dict(retrieval=dict(**_base_.test_loader, batch_size=32, num_workers=4, dataset=dataset))


train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    dataset=dict(type='PairDataset', split=['train', 'restval'], seed=seed, pipeline=train_pipeline, **_base_.coco),
)
val_dataloader = _evaluation_loaders('val')
test_dataloader = _evaluation_loaders('test')
# Half precision in the store: feature maps of so many pictures fill the memory.
val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator', k=256, setting='fine-tuned', store_dtype='float16', pair_chunk=128)
)
test_evaluator = val_evaluator
