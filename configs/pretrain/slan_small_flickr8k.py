"""Pre-training on Flickr8k's 6,000 training photographs with frozen EfficientNet-Lite0 and MiniLM, on one CPU core.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k.py
    python tools/train.py configs/pretrain/slan_small_flickr8k.py
    python tools/test.py configs/pretrain/slan_small_flickr8k.py work_dirs/slan_small_flickr8k

Pictures are expected in ``data/flickr8k`` (docs/data.md) and the encoders in ``weights`` (docs/install.md); SLAN_DATA
and SLAN_WEIGHTS name other folders.
Expected: ``retrieval/i2t_R1`` 33.1, ``grounding/pointing`` 68.7, ``grounding/R1`` 35.6 (docs/runs/flickr8k;
docs/results.md).
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/models/photograph_moves.py',
    '../_base_/datasets/flickr8k.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

store = 'work_dirs/features/flickr8k'
# The encoder was trained at 224; things in photographs are small.
image_size = 320
resize = dict(type='ResizeImage', size=image_size)
load = [dict(type='LoadImage'), resize]
# 6,000 photographs whose features never change are soon known by heart: training also sees two crops of each.
crop = dict(type='CropView', area=(0.4, 1.0), flip_prob=0.5)
crops = [[load[0], dict(crop, view=view), resize] for view in (1, 2, 3, 4)]
views = [dict(store=f'{store}_view{view}', transforms=crop) for view, crop in enumerate(crops[:2], 1)]
pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=load), dict(type='PackPairs')]
train_pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=load, views=views), dict(type='PackPairs')]
# A cell is 16 pixels wide at any size of the picture: on larger pictures boxes are finer.
grounding_pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=480), dict(type='PackPairs')]

adaptor = dict(type='RegionAdaptor', attention=_base_.attention, pooling=_base_.pooling)

model = dict(
    itc_dropout=0.3,
    map_terms=('lexical', 'contextual'),
    # Gold boxes belong to phrases, and the regions of a whole caption are drawn by all of its words.
    phrases_alone=True,
    image=dict(
        encoder=dict(type='StoredImageEncoder'),
        embedding=dict(dropout=0.3),
        smoothing=_base_.smoothing,
    ),
    text=dict(
        word_dropout=0.2,
        encoder=dict(type='StoredTextEncoder', store=store),
    ),
    locator=dict(
        adaptors=[dict(**adaptor, move=move, feature_level=level) for level, move in _base_.moves],
    ),
    # LM: masked texts are in no store, they would cost more than all the rest. L_reg: early maps of photographs have
    # little contrast, moved regions are the whole picture, and would draw the detector's boxes there.
    objective=dict(weights=dict(lm=0.0, reg=0.0, rerank=1.0), locator_start=1000, itm_start=1000),
)

train_dataloader = dict(batch_size=128, num_workers=0, persistent_workers=False, dataset=dict(pipeline=train_pipeline))
retrieval = dict(num_workers=0, dataset=dict(pipeline=pipeline))
grounding = dict(batch_size=25, num_workers=0, dataset=dict(pipeline=grounding_pipeline))
querybank = dict(dataloader=dict(num_workers=0, dataset=dict(pipeline=pipeline)))
val_dataloader = dict(retrieval=retrieval)
test_dataloader = dict(retrieval=retrieval, grounding=grounding)
test_evaluator = dict(retrieval=dict(k=16))

train_cfg = dict(max_epochs=8, validations=5)
default_hooks = dict(checkpoint=dict(save_best='retrieval_shortlist/t2i_R1', rule='greater'))

optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(enable=False, base_batch_size=128)
