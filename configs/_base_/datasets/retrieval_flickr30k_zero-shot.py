"""Testing retrieval on Flickr30k without fine-tuning, 224 x 224 as in pre-training, otherwise as on COCO.

Karpathy's test split: 1,000 images with 5,000 captions. Expects ``data/flickr30k/{images/, dataset_flickr30k.json}``,
see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

_base_ = './retrieval_coco_zero-shot.py'

test_dataloader = dict(
    retrieval=dict(
        dataset=dict(
            ann_file='dataset_flickr30k.json',
            data_root='{{$SLAN_DATA:data}}/flickr30k',
            data_prefix=dict(img='images'),
            id_prefix='flickr30k/',
            metainfo=dict(dataset_name='Flickr30k'),
        )
    )
)
test_evaluator = dict(retrieval=dict(k=128))
