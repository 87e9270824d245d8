"""SLAN with a ViT-Huge on 14 M pairs as in the paper: 20 epochs, batch 640, lr 3e-4 to 0, 224 x 224.

The paper has 64 GPUs x 10. Here half as many take two micro-batches for an update, the model is split over them
(FSDP), and layers run again in the backward pass; docs/scaling.md says what that costs and what it changes. On
4 machines of 8 GPUs, run on each with its NODE_RANK (or under Slurm)::

    NNODES=4 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/pretrain/slan_vit-h_14m.py 8
    GPUS=32 bash tools/slurm_train.sh <partition> slan configs/pretrain/slan_vit-h_14m.py work_dirs/slan_vit-h_14m

On another number of GPUs keep the batch: GPUs x ``train_dataloader.batch_size`` x
``optim_wrapper.accumulative_counts`` = 640. A smoke run on a CPU, without data:
``pytest tests/test_configs -k slan_vit-h``.

Expected: the paper's numbers; not measured here:

- parameters 929 M (Table 4);
- phrase grounding, Flickr30k: R@1 90.6, R@5 98.6, R@10 99.3 (Table 4);
- retrieval, Flickr30k, zero-shot, TR@1 / IR@1 96.0 / 86.1 (Table 1).
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/pretrain_14m.py',
    '../_base_/tasks/pretrain_14m_sharded.py',
]

model = _base_.task_model
# 32 GPUs x 10 x 2
train_dataloader = dict(batch_size=10)
