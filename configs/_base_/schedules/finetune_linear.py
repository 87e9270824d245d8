"""Fine-tuning a task: AdamW, a small rate falling linearly to 0, bfloat16; tasks set rate and epochs.

The paper does not give its fine-tuning schedules; rates and epochs in the configs are BLIP's (Li et al. 2022), the
paper's main comparison.
"""

train_cfg = dict(type='ResumableIterLoop', max_epochs=6, val_interval=2000)
val_cfg = dict(type='TaskLoop')
test_cfg = dict(type='TaskLoop')

# No weight decay for biases, norms, temperatures and weights of scores.
undecayed = ('locator.filter', 'log_scale', 'log_p', 'mixer.raw')
optim_wrapper = dict(
    type='BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-5, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(
        **dict.fromkeys(('norm_decay_mult', 'bias_decay_mult', 'flat_decay_mult'), 0.0),
        custom_keys={name: dict(decay_mult=0.0) for name in undecayed},
    ),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [dict(type='LinearLR', start_factor=1.0, end_factor=0.0, by_epoch=False)]
