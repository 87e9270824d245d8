"""Fine-tuning and testing retrieval on COCO, 384 x 384.

Karpathy's splits: 113,287 images with 566,747 captions to train on, 5,000 images with 25,010 captions to test. Expects
``data/coco/{train2014/, val2014/, dataset_coco.json}``, see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}/coco'
image_size = 384
seed = 0

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeImage', size=image_size),
    dict(type='RandomFlipPair'),
    dict(type='CleanCaptionPair'),
    dict(type='PackPairs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeImage', size=image_size),
    dict(type='CleanCaptionPair'),
    dict(type='PackPairs'),
]
captions = dict(
    ann_file='dataset_coco.json',
    format='karpathy',
    data_root=data_root,
    data_prefix=dict(img=''),
    id_prefix='coco/',
    metainfo=dict(dataset_name='COCO'),
)

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='PairDataset', split=['train', 'restval'], seed=seed, pipeline=train_pipeline, **captions),
)


def _evaluation_loaders(split):
    return dict(
        retrieval=dict(
            batch_size=32,
            num_workers=4,
            drop_last=False,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='RetrievalDataset', split=split, pipeline=test_pipeline, **captions),
        )
    )


val_dataloader = _evaluation_loaders('val')
test_dataloader = _evaluation_loaders('test')
# Half precision in the store: feature maps of so many pictures fill the memory.
val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator', k=256, setting='fine-tuned', store_dtype='float16', pair_chunk=128)
)
test_evaluator = val_evaluator
