"""Fine-tuning grounding on boxes, from pre-training: batch 64."""

_base_ = '../../default_runtime.py'

task_model = dict(type='SLANGrounder', objective=None, head=dict())
auto_scale_lr = dict(enable=False, base_batch_size=64)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='grounding/R1', rule='greater'))
