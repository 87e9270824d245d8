"""A retrieval evaluation on one batch."""

from __future__ import annotations

from typing import Any

from mmengine.dataset import pseudo_collate
from torch import nn
from torch.utils.data import DataLoader

from slan_mm.evaluation import RetrievalEvaluator


def run_retrieval(model: nn.Module, batch: dict, batch_size: int = 4, **options: Any) -> dict[str, float]:
    """The metrics of ``model`` on a collated ``batch``, dealt out again."""
    keys = ('inputs', 'data_samples')
    items = [dict(zip(keys, values, strict=True)) for values in zip(*(batch[key] for key in keys), strict=True)]
    loader = DataLoader(items, batch_size=batch_size, collate_fn=pseudo_collate)
    return RetrievalEvaluator(**options).run(model, loader)
