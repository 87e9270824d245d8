"""Fine-tuning a task: AdamW, a small rate falling linearly to 0, bfloat16; configs set rate and epochs.

The paper does not give its fine-tuning schedules; rates and epochs in the configs are BLIP's (Li et al. 2022), the
paper's main comparison.
"""

_base_ = './pretrain_20e.py'

optim_wrapper = dict(optimizer=dict(lr=1e-5, weight_decay=0.05))
train_cfg = dict(max_epochs=6, val_interval=2000)
