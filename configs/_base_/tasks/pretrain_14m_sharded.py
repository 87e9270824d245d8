"""Pre-training on 14 M pairs with the model split over the GPUs, two micro-batches of 320 pairs an update.

An iteration is a micro-batch: momentum, starts and intervals count those.
"""

_base_ = ['../schedules/pretrain_20e.py', '../sharded.py', '../../default_runtime.py']

runner_type = 'slan_mm.ShardedRunner'

# The square root of 0.995, and twice 2000: what they are for an update.
task_model = dict(objective=dict(momentum=0.9975, itm_start=4000))
optim_wrapper = dict(accumulative_counts=2)
train_cfg = dict(val_interval=20000)
auto_scale_lr = dict(enable=False, base_batch_size=320)
default_hooks = dict(checkpoint=dict(interval=10000, save_best='retrieval/i2t_R1', rule='greater'))
