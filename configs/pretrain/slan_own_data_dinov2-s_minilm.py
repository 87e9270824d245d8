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

dinov2 = '{{$SLAN_WEIGHTS:weights}}/dinov2-small'
# Each tower has a store of its own.
store = f'{_base_.data_root}/features_dinov2-s_minilm'
pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=_base_.load), dict(type='PackPairs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = test_dataloader = dict(retrieval=train_dataloader)

model = dict(
    data_preprocessor=dict(_delete_=True, type='TowerDataPreprocessor', pretrained=dinov2),
    image=dict(
        encoder=dict(
            _delete_=True,
            type='StoredImageEncoder',
            backbone=dict(type='TransformersBackbone', model=dinov2),
            norm_cfg=dict(type='GN', num_groups=8),
            frozen=True,
        ),
        # Maps of 16 x 16 and 32 x 32 cells.
        decoder=dict(_delete_=True, type='SimplePyramid', scales=(1, 2)),
        embedding=dict(level=0),
    ),
    text=dict(encoder=dict(store=store)),
)
