"""Smooths maps over cells with similar features, so that word-activation maps cover whole objects."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate, normalize

from slan_mm.registry import MODELS

_LEAST = 1e-6  # the affinity of cells that are not alike: one that is like none sees all


@MODELS.register_module()
class AffinitySmoothing(nn.Module):
    """F_i of each cell becomes its mean over cells with similar features: one step of a random walk.

    W_jk = max(0, cos(f_j, f_k))^power, rows divided by their sums, with f the image encoder's own levels side by side;
    F_i' = W F_i. A word that responds to the dog's head then covers the whole dog. W depends on the image alone and
    commutes with the dot product, so it is applied once for all words. As in AffinityNet (Ahn and Kwak, 2018), but
    nothing is learned.

    Args:
        power: Exponent of the cosine; the larger, the fewer places take part.
        stride: Places k are ``stride`` x ``stride`` cells of the levels each, averaged; the cost falls by its square.
    """

    def __init__(self, power: float = 1.0, stride: int = 1) -> None:
        super().__init__()
        self.power, self.stride = power, stride

    @torch.no_grad()
    def affinity(self, levels: Tensor, size: torch.Size, places: tuple[int, int]) -> Tensor:
        """W (B, H_i * W_i, K): cells of a map of ``size`` (H_i, W_i), K ``places`` (rows, columns) of ``levels``."""
        fine = levels if levels.shape[-2:] == size else interpolate(levels, size, mode='bilinear')
        coarse = adaptive_avg_pool2d(levels, places)
        cosine = normalize(fine, dim=1).flatten(2).transpose(1, 2) @ normalize(coarse, dim=1).flatten(2)
        weight = cosine.float().clamp(min=0) ** self.power + _LEAST
        return weight / weight.sum(-1, keepdim=True)

    def forward(self, maps: Sequence[Tensor], levels: Tensor) -> list[Tensor]:
        """``maps`` (B, C, H_i, W_i), smoothed by ``levels`` (B, C', H, W), which get no gradient."""
        places = (-(-levels.shape[-2] // self.stride), -(-levels.shape[-1] // self.stride))
        by_size: dict[torch.Size, Tensor] = {}
        smoothed = []
        for level in maps:
            size = level.shape[-2:]
            if size not in by_size:
                by_size[size] = self.affinity(levels, size, places).to(level.dtype)
            walked = by_size[size] @ adaptive_avg_pool2d(level, places).flatten(2).transpose(1, 2)
            smoothed.append(walked.transpose(1, 2).unflatten(2, size))
        return smoothed
