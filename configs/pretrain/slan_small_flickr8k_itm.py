"""Flickr8k, second stage: locator and ITM, on the frozen features of the first stage, on one CPU core.

    python tools/train.py configs/pretrain/slan_small_flickr8k_itm.py
    python tools/test.py configs/pretrain/slan_small_flickr8k_itm.py work_dirs/slan_small_flickr8k_itm

Goes on from ``work_dirs/slan_small_flickr8k_contrast``; SLAN_CHECKPOINT names another first stage.
Expected: ``retrieval/i2t_R1`` 33.8, ``grounding/R1`` 34.3 (docs/runs/flickr8k_itm; docs/results.md).
"""

_base_ = ['./slan_small_flickr8k.py', '../_base_/tasks/two_stages.py']

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_small_flickr8k_contrast}}'

model = dict(objective=_base_.itm_stage)

train_dataloader = dict(batch_size=64)
train_cfg = dict(max_epochs=None, max_iters=600, validations=None, val_interval=600)
