"""SLAN with a ResNet-50 on 14 M pairs as in the paper: 20 epochs, batch 1280 (32 GPUs x 40), lr 3e-4 to 0, 224 x 224.

On 4 machines of 8 GPUs, run on each with its NODE_RANK (or under Slurm)::

    NNODES=4 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/pretrain/slan_r50_14m.py 8
    GPUS=32 bash tools/slurm_train.sh <partition> slan configs/pretrain/slan_r50_14m.py work_dirs/slan_r50_14m

On another number of GPUs keep the batch with ``--cfg-options train_dataloader.batch_size=...``, or scale the learning
rate with ``--auto-scale-lr``. A smoke run on a CPU, without data: ``pytest tests/test_configs -k slan_r50``.

Expected: the paper's numbers; not measured here:

- parameters 322 M (Table 4), 324 GFLOPs at 384 x 384 (Table 7);
- phrase grounding, Flickr30k: R@1 86.8, R@5 96.6, R@10 97.4 (Table 4);
- retrieval, fine-tuned, TR@1 / IR@1: COCO 85.1 / 68.9, Flickr30k 97.4 / 88.2 (Tables 7, 9).
"""

_base_ = [
    '../_base_/models/slan_r50.py',
    '../_base_/datasets/pretrain_14m.py',
    '../_base_/tasks/pretrain_14m.py',
]

# Batch norm over all GPUs: 40 pictures on each are few, and their number changes no loss.
sync_bn = 'torch'

# 32 GPUs x 40
train_dataloader = dict(batch_size=40)
auto_scale_lr = dict(enable=False, base_batch_size=1280)
