"""Training on your own pictures and captions from nothing: no pre-trained weights, pictures of 112 x 112.

    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data.py

Below some ten thousand pictures slan_own_data_pretrained.py does far better.
Expected: depends on your data; a short run is told of in docs/own_data.md.
"""

_base_ = './slan_own_data_pretrained.py'

image_size = 112
pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
# Encoders that learn are in no store.
fill_feature_stores = False
pictures = dict(num_workers=2, persistent_workers=True, dataset=dict(pipeline=pipeline))
train_dataloader = pictures
val_dataloader = dict(retrieval=pictures)
test_dataloader = dict(retrieval=pictures)

model = dict(
    image=dict(
        encoder=dict(
            type='ImageEncoder',
            # Maps of 14 x 14 and 7 x 7 cells, as the pre-trained model has them from pictures twice as large.
            backbone=dict(out_indices=(2, 3)),
            backbone_checkpoint=None,
            frozen=False,
        ),
    ),
    text=dict(
        encoder=dict(
            # `_delete_` takes the store away, too.
            _delete_=True,
            type='TextEncoder',
            # Made from your captions by tools/prepare_own_data.py.
            tokenizer='{{$SLAN_OWN_DATA:data/own}}/tokenizer',
            model=dict(
                hidden_size=256,
                num_hidden_layers=4,
                num_attention_heads=4,
                intermediate_size=1024,
                max_position_embeddings=64,
            ),
            max_words=32,
            frozen=False,
        )
    ),
    # Nothing is stored, so that LM costs little; the text encoder learns from it.
    objective=dict(weights=dict(lm=1.0, reg=1.0), locator_start=0, itm_start=200),
)

# The backbone's last stages are built, and left out by out_indices.
find_unused_parameters = True
