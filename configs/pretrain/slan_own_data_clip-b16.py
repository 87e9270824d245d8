"""Training on your own pictures and captions that starts as CLIP ViT-B/16: its retrieval, its words in its patches.

    hf download openai/clip-vit-base-patch16 --local-dir weights/clip-vit-base-patch16
    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data_clip-b16.py

The folder holds config.json, model.safetensors, tokenizer.json and preprocessor_config.json, see docs/encoders.md;
SLAN_WEIGHTS names another place than ``weights``. Both towers stay frozen.
Expected: at iteration 0 the retrieval of CLIP itself; not measured here, see docs/encoders.md.
"""

_base_ = ['./slan_own_data_pretrained.py', '../_base_/pair.py']

pair = '{{$SLAN_WEIGHTS:weights}}/clip-vit-base-patch16'
# Each tower has a store of its own.
store = f'{_base_.data_root}/features_clip-b16'
pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=_base_.load), dict(type='PackPairs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = test_dataloader = dict(retrieval=train_dataloader)

model = dict(
    itc_dims=512,
    space_dims=dict(_delete_=True, lexical=512),
    data_preprocessor=dict(_delete_=True, type='TowerDataPreprocessor', pretrained=pair),
    image=dict(
        type='PairImageBranch',
        encoder=dict(
            _delete_=True, **_base_.pair_image_encoder, backbone=dict(type='PairBackbone', model=pair, value_path=True)
        ),
        embedding=dict(level=0),
    ),
    text=dict(
        **_base_.pair_text,
        encoder=dict(_delete_=True, **_base_.pair_text_encoder, store=store, tokenizer=pair, model=pair, max_words=77),
    ),
    objective=dict(**_base_.pair_objective, itc=dict(type='PairITCLoss', pretrained=pair)),
)
