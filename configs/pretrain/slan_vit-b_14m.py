"""SLAN with a ViT-Base on 14 M pairs as in the paper: 20 epochs, batch 960 (32 GPUs x 30), lr 3e-4 to 0, 224 x 224.

On 4 machines of 8 GPUs, run on each with its NODE_RANK (or under Slurm)::

    NNODES=4 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/pretrain/slan_vit-b_14m.py 8
    GPUS=32 bash tools/slurm_train.sh <partition> slan configs/pretrain/slan_vit-b_14m.py work_dirs/slan_vit-b_14m

On another number of GPUs keep the batch with ``--cfg-options train_dataloader.batch_size=...``, or scale the learning
rate with ``--auto-scale-lr``. A smoke run on a CPU, without data: ``pytest tests/test_configs -k slan_vit-b``.

Expected: the paper's numbers; not measured here:

- parameters 383 M (Table 4);
- phrase grounding, Flickr30k: R@1 87.4, R@5 96.9, R@10 98.2 (Table 4).
"""

_base_ = [
    '../_base_/models/slan_vit-b.py',
    '../_base_/datasets/pretrain_14m.py',
    '../_base_/tasks/pretrain_14m.py',
]

# 32 GPUs x 30
train_dataloader = dict(batch_size=30)
auto_scale_lr = dict(enable=False, base_batch_size=960)
