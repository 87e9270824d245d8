"""Training on your own pictures and captions, with frozen pre-trained encoders that are on this machine.

    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data_pretrained.py

``bash tools/fetch_weights.sh`` puts the weights into ``weights/``; SLAN_WEIGHTS names another folder. Other encoders
are named by --cfg-options, see docs/own_data.md. What the encoders make of pictures and captions is stored at the
first run, in the folder ``features`` of the data: some 75 KB a picture and 10 KB a caption.
Expected: depends on your data; examples with 200 and 1,000 photographs are measured in docs/own_data.md.
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/datasets/own_data.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

store = f'{_base_.data_root}/features'
load = [dict(type='LoadImage'), dict(type='ResizeImage', size=_base_.image_size)]
pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=load), dict(type='PackPairs')]
fill_feature_stores = True

model = dict(
    # On photographs phrases are found better one by one, see docs/results.md.
    phrases_alone=True,
    alone_share=0.5,
    image=dict(encoder=dict(type='StoredImageEncoder')),
    text=dict(encoder=dict(type='StoredTextEncoder', store=store)),
    # The weights of region-word terms and ITM, chosen on the held-out pictures. On few pictures both may harm.
    score_weights=dict(),
    # LM: masked texts are in no store, they would cost more than all the rest. L_reg: see slan_small_flickr8k.py.
    # Words that are not grounded yet move no region: the first iterations train the contrastive terms alone.
    objective=dict(weights=dict(lm=0.0, reg=0.0), locator_start=400, itm_start=400),
)

stored = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=pipeline))
train_dataloader = stored
val_dataloader = dict(retrieval=stored)
test_dataloader = dict(retrieval=stored)

# A pass is all captions once: more passes for a few hundred pictures, fewer for a hundred thousand.
train_cfg = dict(max_epochs=30, validations=10, validate_start=True)

optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(enable=False, base_batch_size=32)

# A small set is soon known by heart, and the best model is not the last one. It may be the first.
best = 'retrieval/mean_recall'
default_hooks = dict(
    checkpoint=dict(interval=200, save_best=best, rule='greater'),
    early_stopping=dict(type='ResumableEarlyStoppingHook', monitor=best, rule='greater', min_delta=0.01, patience=3),
    learning_report=dict(type='LearningReportHook'),
)
