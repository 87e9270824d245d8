"""Retrieval on Flickr30k, fine-tuned from pre-training: SLAN with a ViT-Huge, 6 epochs, batch 256 (32 GPUs x 8).

    NNODES=4 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/retrieval/slan_vit-h_flickr30k.py 8
    bash tools/dist_test.sh configs/retrieval/slan_vit-h_flickr30k.py work_dirs/slan_vit-h_flickr30k 8

Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
The paper: I2T R@1 98.1, T2I R@1 90.2 (Table 1); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/retrieval_flickr30k.py',
    '../_base_/schedules/finetune_linear.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'

# Masked words are learned in pre-training; ITM is no beginner any more.
model = dict(objective=dict(weights=dict(lm=0.0), itm_start=0))

# 27 x 27 patches of 14 pixels: 384 is no multiple of them.
resize = dict(type='ResizeImage', size=378)
train_pipeline = [
    dict(type='LoadImage'),
    resize,
    dict(type='RandomFlipPair'),
    dict(type='CleanCaptionPair'),
    dict(type='PackPairs'),
]
test_pipeline = [dict(type='LoadImage'), resize, dict(type='CleanCaptionPair'), dict(type='PackPairs')]
# 32 GPUs x 8
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(retrieval=dict(dataset=dict(pipeline=test_pipeline)))
test_dataloader = dict(retrieval=dict(dataset=dict(pipeline=test_pipeline)))
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='retrieval/i2t_R1', rule='greater'))
