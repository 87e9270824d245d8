"""Flickr8k, second stage: locator and ITM, on the frozen features of the first stage, on one CPU core.

    python tools/train.py configs/pretrain/slan_small_flickr8k_itm.py
    python tools/test.py configs/pretrain/slan_small_flickr8k_itm.py work_dirs/slan_small_flickr8k_itm

Goes on from ``work_dirs/slan_small_flickr8k_contrast``; SLAN_CHECKPOINT names another first stage.
Expected: ``retrieval/i2t_R1`` 33.8, ``grounding/R1`` 34.3 (docs/runs/flickr8k_itm; docs/results.md).
"""

_base_ = './slan_small_flickr8k.py'

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_small_flickr8k_contrast}}'

model = dict(
    objective=dict(
        frozen_contrast=True,
        similarity=dict(type='SimilarityFiltration'),
        # 1 - hardness: ITM learns what has to be added to the mixed score.
        lead_weight=0.6,
        weights=dict(itm=0.1),
        locator_start=0,
        itm_start=0,
    )
)

train_dataloader = dict(batch_size=64)
train_cfg = dict(max_epochs=None, max_iters=600, validations=None, val_interval=600)
