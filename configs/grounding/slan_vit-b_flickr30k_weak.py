"""Weak grounding with a ViT-Base: the pre-training losses on Flickr30k's captions, no box, batch 256 (8 GPUs x 32).

    bash tools/dist_train.sh configs/grounding/slan_vit-b_flickr30k_weak.py 8
    bash tools/dist_test.sh configs/grounding/slan_vit-b_flickr30k_weak.py work_dirs/slan_vit-b_flickr30k_weak 8

The model is SLAN as it was pre-trained; Entities' boxes only evaluate.
Expected: the paper gives no figure for this; not measured here.
Starts from ``work_dirs/slan_vit-b_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-b.py',
    '../_base_/datasets/flickr30k.py',
    '../_base_/schedules/grounding_10e.py',
    '../default_runtime.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-b_14m}}'
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=2000, save_best='grounding/R1', rule='greater'))
