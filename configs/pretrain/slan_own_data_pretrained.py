"""Training on your own pictures and captions, with frozen pre-trained encoders that are on this machine.

    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/train.py configs/pretrain/slan_own_data_pretrained.py

``bash tools/fetch_weights.sh`` puts the weights into ``weights/``; SLAN_WEIGHTS names another folder. Other encoders
are named by --cfg-options, see docs/own_data.md.
Expected: depends on your data; an example with 200 pictures is measured in docs/own_data.md.
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/datasets/own_data.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

model = dict(
    # On photographs phrases are found better one by one, see docs/results.md.
    phrases_alone=True,
)

# A pass is all captions once: more passes for a few hundred pictures, fewer for a hundred thousand.
train_cfg = dict(max_epochs=30, validations=10)

optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(enable=False, base_batch_size=32)

# A small set is soon known by heart, and the best model is not the last one.
default_hooks = dict(checkpoint=dict(interval=200, save_best='retrieval_shortlist/t2i_R1', rule='greater'))
