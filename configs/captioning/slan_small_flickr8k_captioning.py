"""Captioning Flickr8k's photographs with frozen EfficientNet-Lite0 and MiniLM, from the pre-training on the same, on a
CPU.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k.py
    python tools/train.py configs/captioning/slan_small_flickr8k_captioning.py \
        --cfg-options load_from=work_dirs/slan_small_flickr8k
    python tools/test.py configs/captioning/slan_small_flickr8k_captioning.py \
        work_dirs/slan_small_flickr8k_captioning

Photographs are expected in ``data/flickr8k`` (docs/data.md) and the encoders in ``weights`` (docs/install.md);
SLAN_DATA and SLAN_WEIGHTS name other folders.
Expected: CIDEr 31.4 from ``slan_small_flickr8k_contrast.py``, 27.0 from random weights (docs/tasks/captioning.md).
"""

_base_ = './slan_small_coco_mini_captioning.py'

model = dict(
    image=dict(encoder=dict(type='StoredImageEncoder')),
    # All regions: the prompt names nothing that a filter could choose by.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)

pictures = dict(data_root='{{$SLAN_DATA:data}}/flickr8k', data_prefix=dict(img='images'))
pipeline = [
    dict(
        type='LoadCachedFeatures',
        store='work_dirs/features/flickr8k',
        transforms=[dict(type='LoadImage'), dict(type='ResizeImage', size=320)],
    ),
    dict(type='PackPairs'),
]
captions = dict(_delete_=True, ann_file='dataset_flickr8k.json', format='karpathy', pipeline=pipeline, **pictures)
train_dataloader = dict(dataset=dict(type='PairDataset', split='train', **captions))
val_dataloader = dict(captioning=dict(dataset=dict(type='RetrievalDataset', split='val', indices=200, **captions)))
test_dataloader = dict(captioning=dict(dataset=dict(type='RetrievalDataset', split='val', **captions)))
test_evaluator = dict(
    captioning=dict(metrics=[dict(type='CaptionMetric', outfile_prefix='work_dirs/flickr8k_caption/results')])
)

train_cfg = dict(max_iters=400)
