"""Fine-tuning and testing retrieval at 384 x 384; the data sets add the files."""

image_size = 384
seed = 0

load = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)]
train_pipeline = [*load, dict(type='RandomFlipPair'), dict(type='CleanCaptionPair'), dict(type='PackPairs')]
test_pipeline = [*load, dict(type='CleanCaptionPair'), dict(type='PackPairs')]


def _evaluation_loaders(split):
    return dict(
        retrieval=dict(
            batch_size=32,
            num_workers=4,
            drop_last=False,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='RetrievalDataset', split=split, pipeline=test_pipeline),
        )
    )


train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='PairDataset', split='train', seed=seed, pipeline=train_pipeline),
)
val_dataloader = _evaluation_loaders('val')
test_dataloader = _evaluation_loaders('test')
# Half precision in the store: feature maps of so many pictures fill the memory.
val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator', k=256, setting='fine-tuned', store_dtype='float16', pair_chunk=128)
)
test_evaluator = val_evaluator
