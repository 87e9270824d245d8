"""Training on your own pictures and captions with DINOv2 ViT-S/14, whose patches keep place well, and MiniLM.

    hf download facebook/dinov2-small --local-dir weights/dinov2-small
    bash tools/fetch_weights.sh
    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data_dinov2-s_minilm.py

The two were not trained together: retrieval is learned from your captions alone. SLAN_WEIGHTS names another place than
``weights``.
Expected: not measured here.
"""

_base_ = './slan_own_data_pretrained.py'

model = dict(
    # 255 times those of preprocessor_config.json.
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
    image=dict(
        encoder=dict(
            _delete_=True,
            type='StoredImageEncoder',
            backbone=dict(type='TransformersBackbone', model='{{$SLAN_WEIGHTS:weights}}/dinov2-small'),
            norm_cfg=dict(type='GN', num_groups=8),
            frozen=True,
        ),
        embedding=dict(level=0),
    ),
)
