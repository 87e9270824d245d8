"""The small SLAN: 224 x 224 photographs, frozen pre-trained encoders, and a locator that a CPU can train.

The encoders are expected in ``weights`` (docs/install.md); SLAN_WEIGHTS names another folder.
"""

_base_ = './slan_tiny.py'

embed_dims = 128
weights = '{{$SLAN_WEIGHTS:weights}}'
minilm = f'{weights}/all-MiniLM-L6-v2'
attention = dict(type='BidirectionalAttention', num_heads=8, feedforward_channels=256)
pooling = dict(type='ExactMeanPooling')

model = dict(
    embed_dims=embed_dims,
    itc_dims=256,
    itc_hidden=512,
    itc_dropout=0.2,
    space_dims=dict(lexical=64, contextual=64),
    # EfficientNet-Lite's normalisation.
    data_preprocessor=dict(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)),
    image=dict(
        encoder=dict(
            _delete_=True,
            type='ImageEncoder',
            backbone=dict(
                type='mmpretrain.TIMMBackbone',
                model_name='tf_efficientnet_lite2',
                features_only=True,
                out_indices=(3, 4),
            ),
            out_levels=(0, 1),
            # Strides 16 and 32, TensorFlow's padding.
            cell_centres=(1 - 0.5 / 16, 1 - 0.5 / 32),
            norm_cfg=dict(type='GN', num_groups=8),
            frozen=True,
            backbone_checkpoint=f'{weights}/efficientnet_lite2.safetensors',
        ),
        decoder=dict(scales=(1, 1)),
        detector=dict(downsample=2, num_heads=8, feedforward_channels=256, dropout=0.1, learn_boxes=False),
        embedding=dict(num_heads=8, head_dims=64, level=1),
    ),
    text=dict(
        embedding='mean',
        encoder=dict(
            _delete_=True,
            type='TextEncoder',
            tokenizer=minilm,
            model=minilm,
            max_words=32,
            frozen=True,
        ),
    ),
    locator=dict(
        region_filter=dict(top=12, max_overlap=0.3),
        adaptors=[
            dict(
                type='RegionAdaptor',
                attention=attention,
                pooling=pooling,
                # The first level goes far to the sharpest peak; the others fit a thing, which a small window and a
                # soft peak keep near it: wide windows lost what the first level had found.
                move=dict(type='MomentMove', ratio=ratio, c=c, sharpness=sharpness, word_sharpness=15.0),
                feature_level=level,
            )
            for level, ratio, c, sharpness in ((1, 1.0, 4.5, 20.0), (2, 0.6, 4.5, 10.0), (2, 0.6, 5.0, 10.0))
        ],
    ),
)
