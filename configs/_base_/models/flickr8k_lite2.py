"""EfficientNet-Lite2 in place of Lite0 in the small model on Flickr8k, with a feature store of its own."""

lite2_store = 'work_dirs/features/flickr8k_lite2'
lite2 = dict(
    image=dict(
        encoder=dict(
            backbone=dict(model_name='tf_efficientnet_lite2'),
            backbone_checkpoint='{{$SLAN_WEIGHTS:weights}}/efficientnet_lite2.safetensors',
        )
    ),
    text=dict(encoder=dict(store=lite2_store)),
)
