"""Testing retrieval without fine-tuning, 224 x 224 as in pre-training; the data sets add the files."""

image_size = 224
load = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)]

test_dataloader = dict(
    retrieval=dict(
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=64,
        num_workers=4,
        dataset=dict(
            type='RetrievalDataset',
            split='test',
            pipeline=[*load, dict(type='CleanCaptionPair'), dict(type='PackPairs')],
        ),
    )
)
test_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator', k=256, setting='zero-shot', store_dtype='float16', pair_chunk=128)
)
test_cfg = dict(type='TaskLoop')
