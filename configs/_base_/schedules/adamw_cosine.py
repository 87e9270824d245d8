"""What runs on a CPU share: AdamW, 100 iterations of warm-up, cosine to zero; configs add their length and rate."""

train_cfg = dict(type='ResumableIterLoop')
val_cfg = dict(type='TaskLoop')
test_cfg = dict(type='TaskLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, fused=True),
    # Weight decay for matrices alone: not for biases, norms, temperatures and mixing weights.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={name: dict(decay_mult=0.0) for name in ('locator.filter', 'log_scale', 'mixer.raw')},
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0.0),
]
