"""Fine-tuning retrieval from pre-training: the same losses, 6 epochs, batch 256."""

_base_ = ['../schedules/finetune_linear.py', '../../default_runtime.py']

# Masked words are learned in pre-training; ITM is no beginner any more.
task_model = dict(objective=dict(weights=dict(lm=0.0), itm_start=0))
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='retrieval/i2t_R1', rule='greater'))
