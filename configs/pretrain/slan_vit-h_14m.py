"""SLAN with a ViT-Huge on 14 M pairs as in the paper: 20 epochs, batch 640 (64 GPUs x 10), lr 3e-4 to 0, 224 x 224.

On 8 machines of 8 GPUs, run on each with its NODE_RANK (or under Slurm)::

    NNODES=8 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/pretrain/slan_vit-h_14m.py 8
    GPUS=64 bash tools/slurm_train.sh <partition> slan configs/pretrain/slan_vit-h_14m.py work_dirs/slan_vit-h_14m

On another number of GPUs keep the batch with ``--cfg-options train_dataloader.batch_size=...``, or scale the learning
rate with ``--auto-scale-lr``. A smoke run on a CPU, without data: ``pytest tests/test_configs -k slan_vit-h``.

Expected are the paper's numbers; not measured here:

- parameters 929 M (Table 4);
- phrase grounding, Flickr30k: R@1 90.6, R@5 98.6, R@10 99.3 (Table 4);
- retrieval, Flickr30k, zero-shot, TR@1 / IR@1 96.0 / 86.1 (Table 1).
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/pretrain_14m.py',
    '../_base_/schedules/pretrain_20e.py',
    '../default_runtime.py',
]

# 64 GPUs x 10
train_dataloader = dict(batch_size=10)
auto_scale_lr = dict(enable=False, base_batch_size=640)
default_hooks = dict(checkpoint=dict(interval=5000, save_best='retrieval/i2t_R1', rule='greater'))
