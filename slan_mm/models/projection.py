"""The projection to the embedding that ITC compares."""

from __future__ import annotations

from torch import nn


def projector(in_dims: int, out_dims: int, hidden_dims: int | None = None, dropout: float = 0.0) -> nn.Module:
    """The projection to ITC's embedding: linear as in ALBEF, or with one hidden layer where encoders are frozen."""
    if hidden_dims is None:
        return nn.Linear(in_dims, out_dims)
    return nn.Sequential(
        nn.Linear(in_dims, hidden_dims), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden_dims, out_dims)
    )
