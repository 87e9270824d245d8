"""NLVR2, fine-tuned from pre-training: SLAN with a ViT-Huge, 15 epochs, batch 256 (64 GPUs x 4).

    NNODES=8 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/nlvr2/slan_vit-h_nlvr2.py 8
    bash tools/dist_test.sh configs/nlvr2/slan_vit-h_nlvr2.py work_dirs/slan_vit-h_nlvr2 8

Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
The paper: 90.4 on dev, 91.3 on test-P (Table 2); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/nlvr2.py',
    '../_base_/schedules/finetune_linear.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'

model = dict(
    type='NLVR',
    head=dict(attention=dict(num_heads=12, feedforward_channels=3072, dropout=0.1), dropout=0.1),
)

# 27 x 27 patches of 14 pixels: 384 is no multiple of them.
pipeline = [
    dict(
        type='mmpretrain.ApplyToList',
        scatter_key='img_path',
        transforms=[dict(type='slan_mm.LoadImage'), dict(type='slan_mm.ResizeImage', size=378)],
        collate_keys=['img', 'ori_shape', 'img_shape'],
    ),
    dict(type='CleanCaptionPair'),
    dict(type='PackPairs'),
]
# 64 GPUs x 4
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=pipeline))
val_dataloader = dict(nlvr2=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = dict(nlvr2=dict(dataset=dict(pipeline=pipeline)))
train_cfg = dict(max_epochs=15)
optim_wrapper = dict(optimizer=dict(lr=3e-5))
# What ITC alone reads learns nothing here.
find_unused_parameters = True
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='nlvr2/accuracy', rule='greater'))
