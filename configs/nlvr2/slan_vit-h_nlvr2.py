"""NLVR2, fine-tuned from pre-training: SLAN with a ViT-Huge, 15 epochs, batch 256 (64 GPUs x 4).

    NNODES=8 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/nlvr2/slan_vit-h_nlvr2.py 8
    bash tools/dist_test.sh configs/nlvr2/slan_vit-h_nlvr2.py work_dirs/slan_vit-h_nlvr2 8

Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
Expected: the paper's 90.4 on dev, 91.3 on test-P (Table 2); not measured here.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/nlvr2.py',
    '../_base_/tasks/nlvr2.py',
]

model = _base_.task_model
load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'

# 27 x 27 patches of 14 pixels: 384 is no multiple of them.
image_size = 378
resize = dict(type='slan_mm.ResizeImage', size=image_size)
pipeline = [dict(_base_.pipeline[0], transforms=[dict(type='slan_mm.LoadImage'), resize]), *_base_.pipeline[1:]]
# 64 GPUs x 4
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=pipeline))
val_dataloader = dict(nlvr2=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = val_dataloader
