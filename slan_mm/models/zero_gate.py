"""What SLAN adds to a pre-trained pair: nothing at first."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class ZeroGate(nn.Module):
    """Unit vectors that start as those of a pre-trained pair: normalise(pair + gate * own), with a learned gate of 0.

    Set to 0 again, the gate gives the pair's vectors back.
    """

    def __init__(self) -> None:
        super().__init__()
        # One axis, not none: like a bias it is not decayed.
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, pair: Tensor, own: Tensor, dim: int = -1) -> Tensor:
        """``pair`` and ``own``, vectors along ``dim`` of two tensors of one shape; the own ones are of length 1."""
        return normalize(pair + self.gate * own, dim=dim)
