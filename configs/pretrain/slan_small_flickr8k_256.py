"""slan_small_flickr8k with batches of 256 pairs and four crops of each photograph, for a GPU.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k_256.py
    python tools/train.py configs/pretrain/slan_small_flickr8k_256.py
    python tools/test.py configs/pretrain/slan_small_flickr8k_256.py work_dirs/slan_small_flickr8k_256/iter_1400.pth

What to expect: see docs/results.md.
"""

_base_ = './slan_small_flickr8k.py'

load = [dict(type='LoadImage'), {{_base_.resize}}]
views = [
    dict(
        store=f'work_dirs/features/flickr8k_view{view}',
        transforms=[
            dict(type='LoadImage'),
            dict(type='CropView', view=view, area=(0.4, 1.0), flip_prob=0.5),
            {{_base_.resize}},
        ],
    )
    for view in (1, 2, 3, 4)
]

train_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    dataset=dict(
        pipeline=[
            dict(type='LoadCachedFeatures', store={{_base_.store}}, transforms=load, views=views),
            dict(type='PackPairs'),
        ]
    ),
)

model = dict(objective=dict(locator_start=700, itm_start=700))

train_cfg = dict(max_epochs=None, max_iters=1400)

# By the square root of the batch.
optim_wrapper = dict(optimizer=dict(lr=2e-3))
auto_scale_lr = dict(base_batch_size=256)
