"""Captioning COCO with a ViT-Huge as in Table 2, from a pre-training checkpoint; 392 x 392.

    bash tools/dist_train.sh configs/captioning/slan_vit-h_coco_captioning.py 8
    bash tools/dist_test.sh configs/captioning/slan_vit-h_coco_captioning.py \
        work_dirs/slan_vit-h_coco_captioning 8

The paper does not tell its fine-tuning settings; epochs, learning rate, batch size (256), prompt and beams are BLIP's.

Expected: the paper's BLEU@4 43.7, METEOR 34.1, CIDEr 144.3, SPICE 25.6 on Karpathy's test split (Table 2); not measured
here.
Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/coco_caption.py',
    '../_base_/schedules/pretrain_20e.py',
    '../_base_/tasks/captioning.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'

model = dict(
    _base_.task_model,
    decoder=dict(
        model=_base_.bert,
        max_words=40,
        label_smoothing=0.1,
        generation=dict(num_beams=3, max_new_tokens=20, min_new_tokens=5),
    ),
)

# A multiple of the ViT's patches of 14 pixels.
image_size = 392
load = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size)]
train_pipeline = [*load, dict(type='RandomFlipPair'), dict(type='CleanCaptionPair'), dict(type='PackPairs')]
pipeline = [*load, dict(type='PackPairs')]
# 8 GPUs x 32
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(captioning=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = dict(captioning=dict(dataset=dict(pipeline=pipeline)))

train_cfg = dict(max_epochs=5, val_interval=2000)
# Input and output embeddings of the decoder are the same parameter.
optim_wrapper = dict(optimizer=dict(lr=1e-5, weight_decay=0.05), paramwise_cfg=dict(bypass_duplicate=True))
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='caption/CIDEr', rule='greater'))
