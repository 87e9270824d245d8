"""Fine-tuning NLVR2 from pre-training: a head of BERT-base's sizes over two pictures, 15 epochs, batch 256."""

_base_ = ['../schedules/finetune_linear.py', '../../default_runtime.py']

task_model = dict(
    type='NLVR',
    objective=None,
    head=dict(attention=dict(num_heads=12, feedforward_channels=3072, dropout=0.1), dropout=0.1),
)
train_cfg = dict(max_epochs=15)
optim_wrapper = dict(optimizer=dict(lr=3e-5))
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='nlvr2/accuracy', rule='greater'))
