"""Fine-tuning on boxes: AdamW, 10 epochs, 1e-4 (1e-5 for both encoders) falling linearly to 0. bfloat16.

The paper does not tell how it fine-tunes; rates are DETR's, the length is ours.
"""

_base_ = './pretrain_20e.py'

optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(
        custom_keys={
            'image_branch.encoder.backbone': dict(lr_mult=0.1),
            'text_branch.encoder.backbone': dict(lr_mult=0.1),
        },
    ),
    clip_grad=dict(max_norm=0.1),
)
train_cfg = dict(max_epochs=10, val_interval=2000)
