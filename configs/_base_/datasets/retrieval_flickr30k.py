"""Fine-tuning and testing retrieval on Flickr30k, 384 x 384, otherwise as on COCO.

Karpathy's splits: 29,000 images with 145,000 captions to train on, 1,000 images with 5,000 captions to test. Expects
``data/flickr30k/{images/, dataset_flickr30k.json}``, see docs/data.md; SLAN_DATA names another folder than ``data``.
"""

_base_ = './retrieval_coco.py'

captions = dict(
    ann_file='dataset_flickr30k.json',
    data_root='{{$SLAN_DATA:data}}/flickr30k',
    data_prefix=dict(img='images'),
    id_prefix='flickr30k/',
    metainfo=dict(dataset_name='Flickr30k'),
)

train_dataloader = dict(dataset=dict(split='train', **captions))
val_dataloader = dict(retrieval=dict(dataset=captions))
test_dataloader = val_dataloader
val_evaluator = dict(retrieval=dict(k=128))
test_evaluator = val_evaluator
