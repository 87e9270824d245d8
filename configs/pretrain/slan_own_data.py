"""Training on your own pictures and captions from nothing: no pre-trained weights, pictures of 112 x 112.

    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data.py

Below some ten thousand pictures slan_own_data_pretrained.py does far better.
Expected: depends on your data; a short run is told of in docs/own_data.md.
"""

_base_ = './slan_own_data_pretrained.py'

image_size = 112
pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(retrieval=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = val_dataloader

model = dict(
    image=dict(
        encoder=dict(
            # Maps of 14 x 14 and 7 x 7 cells, as the pre-trained model has them from pictures twice as large.
            backbone=dict(out_indices=(2, 3)),
            backbone_checkpoint=None,
            frozen=False,
        ),
    ),
    text=dict(
        encoder=dict(
            # Made from your captions by tools/prepare_own_data.py.
            tokenizer='{{$SLAN_OWN_DATA:data/own}}/tokenizer',
            model=dict(
                _delete_=True,
                hidden_size=256,
                num_hidden_layers=4,
                num_attention_heads=4,
                intermediate_size=1024,
                max_position_embeddings=64,
            ),
            frozen=False,
        )
    ),
)

# The backbone's last stages are built, and left out by out_indices.
find_unused_parameters = True
