"""The objectives of pre-training in two stages: contrast alone, then locator and ITM on its frozen features."""

contrast_stage = dict(
    soft_targets=dict(share=0.5, temperature=0.2, terms=('itc',)),
    weights=dict(itm=0.0, rerank=0.0),
    # Longer than the run.
    locator_start=100_000,
)
itm_stage = dict(
    frozen_contrast=True,
    similarity=dict(type='SimilarityFiltration'),
    # 1 - hardness: ITM learns what has to be added to the mixed score.
    lead_weight=0.6,
    weights=dict(itm=0.1),
    locator_start=0,
    itm_start=0,
)
# Nothing is there to re-rank by.
contrast_evaluator = dict(retrieval=dict(fast=True))
