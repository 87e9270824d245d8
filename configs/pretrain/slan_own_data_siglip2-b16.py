"""Training on your own pictures and captions that starts as SigLIP 2 ViT-B/16.

    hf download google/siglip2-base-patch16-224 --local-dir weights/siglip2-base-patch16-224
    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data_siglip2-b16.py

As slan_own_data_clip-b16.py. Another SigLIP or SigLIP 2 needs its own folder and widths.
Expected: at iteration 0 the retrieval of SigLIP 2 itself; not measured here, see docs/encoders.md.
"""

_base_ = ['./slan_own_data_pretrained.py', '../_base_/pair.py']

pair = '{{$SLAN_WEIGHTS:weights}}/siglip2-base-patch16-224'
# Each tower has a store of its own.
store = f'{_base_.data_root}/features_siglip2-b16'
pipeline = [dict(type='LoadCachedFeatures', store=store, transforms=_base_.load), dict(type='PackPairs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = test_dataloader = dict(retrieval=train_dataloader)

model = dict(
    itc_dims=768,
    space_dims=dict(_delete_=True, lexical=768),
    data_preprocessor=dict(_delete_=True, type='TowerDataPreprocessor', pretrained=pair),
    image=dict(
        type='PairImageBranch',
        encoder=dict(_delete_=True, **_base_.pair_image_encoder, backbone=dict(type='PairBackbone', model=pair)),
        embedding=dict(level=0),
    ),
    text=dict(
        **_base_.pair_text,
        encoder=dict(_delete_=True, **_base_.pair_text_encoder, store=store, tokenizer=pair, model=pair, max_words=64),
    ),
    objective=dict(**_base_.pair_objective, itc=dict(type='PairITCLoss', pretrained=pair)),
)
