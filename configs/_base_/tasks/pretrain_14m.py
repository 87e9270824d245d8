"""Pre-training on 14 M pairs as in the paper: 20 epochs; configs set the batch."""

_base_ = ['../schedules/pretrain_20e.py', '../../default_runtime.py']

default_hooks = dict(checkpoint=dict(interval=5000, save_best='retrieval/i2t_R1', rule='greater'))
