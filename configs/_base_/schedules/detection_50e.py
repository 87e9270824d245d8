"""DETR's schedule at a third of its length: AdamW, 50 epochs, 1e-4 (1e-5 for both encoders), a tenth in the last 10.

The paper does not tell how its detector is fine-tuned.
"""

train_cfg = dict(type='ResumableIterLoop', max_epochs=50, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            'image_branch.encoder.backbone': dict(lr_mult=0.1),
            'text_branch.encoder.backbone': dict(lr_mult=0.1),
            **{name: dict(decay_mult=0.0) for name in ('locator.filter', 'log_p')},
        },
    ),
    clip_grad=dict(max_norm=0.1),
)
# Batches of 16 pictures: 7,392 iterations an epoch.
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[295700], gamma=0.1)]
