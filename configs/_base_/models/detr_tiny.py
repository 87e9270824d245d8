"""mmdet's DETR with the backbone and the width of the tiny SLAN, and as many queries as it has regions."""

# The tiny SLAN's.
backbone = dict(type='ResNet', depth=18, base_channels=32, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1))
backbone.update(norm_cfg=dict(type='GN', num_groups=8, requires_grad=True), norm_eval=False)
attention = dict(embed_dims=64, num_heads=4, batch_first=True)
ffn = dict(embed_dims=64, feedforward_channels=128, ffn_drop=0.0)
# DETR's; Deformable DETR's differ in the cost of classes.
box_costs = [dict(type='BBoxL1Cost', weight=5.0, box_format='xywh'), dict(type='IoUCost', iou_mode='giou', weight=2.0)]
box_losses = dict(loss_bbox=dict(type='L1Loss', loss_weight=5.0), loss_iou=dict(type='GIoULoss', loss_weight=2.0))

model = dict(
    _scope_='mmdet',
    type='DETR',
    num_queries=25,
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3, bgr_to_rgb=True),
    backbone=dict(**backbone, out_indices=(2,)),
    neck=dict(type='ChannelMapper', in_channels=[128], kernel_size=1, out_channels=64, act_cfg=None, num_outs=1),
    # A layer each of the tiny SLAN's detector, and one for each of its three adaptors.
    encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn)),
    decoder=dict(
        num_layers=4,
        layer_cfg=dict(self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn),
        return_intermediate=True,
    ),
    positional_encoding=dict(num_feats=32, normalize=True),
    bbox_head=dict(
        type='DETRHead',
        num_classes=6,
        embed_dims=64,
        loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, bg_cls_weight=0.1, class_weight=1.0),
        **box_losses,
    ),
    train_cfg=dict(
        assigner=dict(type='HungarianAssigner', match_costs=[dict(type='ClassificationCost', weight=1.0), *box_costs])
    ),
    test_cfg=dict(max_per_img=25),
)
