"""Testing retrieval on Flickr30k without fine-tuning, 224 x 224 as in pre-training.

Karpathy's test split: 1,000 images with 5,000 captions. Expects ``data/flickr30k/{images/, dataset_flickr30k.json}``,
see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

data_root = '{{$SLAN_DATA:data}}/flickr30k'
image_size = 224

test_dataloader = dict(
    retrieval=dict(
        batch_size=64,
        num_workers=4,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
        dataset=dict(
            type='RetrievalDataset',
            ann_file='dataset_flickr30k.json',
            format='karpathy',
            split='test',
            data_root=data_root,
            data_prefix=dict(img='images'),
            id_prefix='flickr30k/',
            metainfo=dict(dataset_name='Flickr30k'),
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
    retrieval=dict(type='RetrievalEvaluator', k=128, setting='zero-shot', store_dtype='float16', pair_chunk=128)
)
test_cfg = dict(type='TaskLoop')
