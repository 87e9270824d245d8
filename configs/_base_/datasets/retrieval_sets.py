"""Where COCO and Flickr30k lie with Karpathy's splits, see docs/data.md; SLAN_DATA names another folder than ``data``.

COCO: 113,287 images with 566,747 captions to train on, 5,000 images with 25,010 captions to test, in
``data/coco/{train2014/, val2014/, dataset_coco.json}``. Flickr30k: 29,000 images with 145,000 captions to train on,
1,000 images with 5,000 captions to test, in ``data/flickr30k/{images/, dataset_flickr30k.json}``.
"""

coco = dict(
    ann_file='dataset_coco.json',
    format='karpathy',
    data_root='{{$SLAN_DATA:data}}/coco',
    data_prefix=dict(img=''),
    id_prefix='coco/',
    metainfo=dict(dataset_name='COCO'),
)
flickr30k = dict(
    ann_file='dataset_flickr30k.json',
    format='karpathy',
    data_root='{{$SLAN_DATA:data}}/flickr30k',
    data_prefix=dict(img='images'),
    id_prefix='flickr30k/',
    metainfo=dict(dataset_name='Flickr30k'),
)
