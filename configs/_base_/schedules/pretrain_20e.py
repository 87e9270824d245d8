"""The paper's schedule: AdamW, 20 epochs, 3e-4 falling linearly to 0, no warm-up. bfloat16, which needs no loss scale.

Weight decay is ALBEF's. The loop turns epochs into iterations (epochs x samples / global batch), and the learning rate
ends with it, whatever the number of samples found.
"""

optim_wrapper = dict(
    type='BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.02, fused=True),
    # No weight decay for biases, norms, temperatures and weights of scores.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={name: dict(decay_mult=0.0) for name in ('locator.filter', 'log_scale', 'log_p', 'mixer.raw')},
    ),
    # Rarely bites; it is also what makes the gradient norm appear in the log.
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [dict(type='LinearLR', start_factor=1.0, end_factor=0.0, by_epoch=False)]

train_cfg = dict(type='ResumableIterLoop', max_epochs=20, val_interval=10000)
val_cfg = dict(type='TaskLoop')
test_cfg = dict(type='TaskLoop')
