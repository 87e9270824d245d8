"""The paper's five pre-training sets: 14 M images, 15 M captions (Table 8), one sample a caption.

The json lists are those that ALBEF and BLIP publish or users of these hold, ``[{image, caption, image_id?}]``, with
image paths relative to each set's folder (``reader=dict(strip_prefix=...)`` takes a foreign prefix off)::

    data/coco/            images/          coco_karpathy_train.json
    data/visual_genome/   images/          vg_caption.json      # without the images of COCO
    data/sbu/             images/          sbu.json
    data/cc3m/            images/          cc3m.json
    data/cc12m/           images/          cc12m.json
    data/flickr30k/       images/          dataset_flickr30k.json, final_flickr_separateGT_{val,test}.json (MDETR)

SLAN_DATA names another folder than ``data``. Flickr30k takes no part in training: it is the zero-shot evaluation of
Tables 1 and 4.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}'
image_size = 224

load = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)]
train_pipeline = [*load, dict(type='RandomFlipPair'), dict(type='CleanCaptionPair'), dict(type='PackPairs')]
retrieval_pipeline = [*load, dict(type='CleanCaptionPair'), dict(type='PackPairs')]
# Spans of phrases count the characters of the caption as it is: no cleaning here.
grounding_pipeline = [*load, dict(type='PackPairs')]


def _pairs(name, ann_file):
    return dict(
        type='PairDataset',
        data_root=f'{data_root}/{name}',
        ann_file=ann_file,
        data_prefix=dict(img='images'),
        format='json_list',
        # Web lists hold some; elsewhere an empty caption is an error.
        empty_captions='drop',
        id_prefix=f'{name}/',
        pipeline=train_pipeline,
    )


train_dataloader = dict(
    **_base_.train_loader,
    batch_size=40,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    dataset=dict(
        type='WeightedConcatDataset',
        datasets=[
            _pairs('coco', 'coco_karpathy_train.json'),
            _pairs('visual_genome', 'vg_caption.json'),
            _pairs('sbu', 'sbu.json'),
            _pairs('cc3m', 'cc3m.json'),
            _pairs('cc12m', 'cc12m.json'),
        ],
    ),
)


def _evaluation_loader(dataset):
    return dict(
        **_base_.test_loader,
        batch_size=64,
        num_workers=4,
        dataset=dict(data_root=f'{data_root}/flickr30k', data_prefix=dict(img='images'), test_mode=True, **dataset),
    )


def _evaluation_loaders(split):
    return dict(
        retrieval=_evaluation_loader(
            dict(
                type='RetrievalDataset',
                ann_file='dataset_flickr30k.json',
                format='karpathy',
                split=split,
                pipeline=retrieval_pipeline,
            )
        ),
        grounding=_evaluation_loader(
            dict(
                type='GroundingDataset',
                ann_file=f'final_flickr_separateGT_{split}.json',
                format='mdetr',
                pipeline=grounding_pipeline,
            )
        ),
    )


val_dataloader = _evaluation_loaders('val')
test_dataloader = _evaluation_loaders('test')
val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator', k=128),
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
)
test_evaluator = val_evaluator
