"""Testing retrieval on COCO without fine-tuning, 224 x 224 as in pre-training.

Karpathy's test split: 5,000 images with 25,010 captions. Expects ``data/coco/{val2014/, dataset_coco.json}``, see
docs/data.md; SLAN_DATA names another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}/coco'
image_size = 224

test_dataloader = dict(
    retrieval=dict(
        batch_size=64,
        num_workers=4,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='RetrievalDataset',
            ann_file='dataset_coco.json',
            format='karpathy',
            split='test',
            data_root=data_root,
            data_prefix=dict(img=''),
            id_prefix='coco/',
            metainfo=dict(dataset_name='COCO'),
            pipeline=[
                dict(type='LoadImage'),
                dict(type='ResizeImage', size=image_size),
                dict(type='CleanCaptionPair'),
                dict(type='PackPairs'),
            ],
        ),
    )
)
test_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator', k=256, setting='zero-shot', store_dtype='float16', pair_chunk=128)
)
test_cfg = dict(type='TaskLoop')
