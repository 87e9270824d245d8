"""Pre-training on Flickr8k's 6,000 training photographs with frozen EfficientNet-Lite0 and MiniLM, on two CPU cores.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k.py
    python tools/train.py configs/pretrain/slan_small_flickr8k.py
    python tools/test.py configs/pretrain/slan_small_flickr8k.py work_dirs/slan_small_flickr8k/iter_N.pth

Pictures are expected in ``data/flickr8k`` (docs/data.md) and the encoders in ``weights`` (docs/install.md); SLAN_DATA
and SLAN_WEIGHTS name other folders. What to expect: see docs/results.md.
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/datasets/flickr8k.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

weights = '{{$SLAN_WEIGHTS:weights}}'
store = 'work_dirs/features/flickr8k'
# The encoder was trained at 224; things in photographs are small.
image_size = 320
pipeline = [
    dict(
        type='LoadCachedFeatures',
        store=store,
        transforms=[dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)],
    ),
    dict(type='PackPairs'),
]

model = dict(
    itc_dropout=0.3,
    image=dict(
        encoder=dict(backbone_checkpoint=f'{weights}/efficientnet_lite0.safetensors'),
        # 6,000 photographs whose levels never change are learned by heart.
        level_dropout=0.3,
    ),
    text=dict(
        word_dropout=0.2,
        encoder=dict(model=f'{weights}/all-MiniLM-L6-v2', tokenizer=f'{weights}/all-MiniLM-L6-v2', feature_store=store),
    ),
    # LM: masked texts are in no store, they would cost more than all the rest. L_reg: early maps of photographs have
    # little contrast, moved regions are the whole picture, and would draw the detector's boxes there.
    objective=dict(
        weights=dict(lm=0.0, reg=0.0, rerank=1.0), itc=dict(queue_size=384), locator_start=1400, itm_start=1400
    ),
)

train_dataloader = dict(batch_size=128, num_workers=0, persistent_workers=False, dataset=dict(pipeline=pipeline))
val_dataloader = dict(
    retrieval=dict(num_workers=0, dataset=dict(pipeline=pipeline)),
    grounding=dict(num_workers=0, dataset=dict(pipeline=pipeline)),
)
test_dataloader = val_dataloader
val_evaluator = dict(retrieval=dict(k=16))
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=8)

optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(enable=False, base_batch_size=128)
