"""Alignment of feature maps with the centres of their receptive fields.

A map of n cells is read as if the receptive field of cell i were centred at (i + .5) / n of the image. That is true
of patches and even kernels, not of strided convolutions with odd kernels and symmetric padding: cell i of a ResNet
level of stride s is centred at pixel s * i, near the corner of its cell. For boxes of a few cells that is a large
shift.
"""

from __future__ import annotations

import torch
from torch import Tensor


def interpolation_matrix(size: int, new_size: int, centre: float) -> Tensor:
    """Linear interpolation of ``size`` samples at the middles of ``new_size`` cells: (new_size, size), rows sum to 1.

    Sample i stands at (i + ``centre``) / size; beyond the first and the last sample the line goes on flat.
    """
    positions = ((torch.arange(new_size) + 0.5) / new_size * size - centre).clamp(0, size - 1)
    return (1 - (positions[:, None] - torch.arange(size)).abs()).clamp(min=0)


def align(level: Tensor, size: tuple[int, int], centre: float = 0.5) -> Tensor:
    """Resamples ``level`` (B, C, H, W) at the middles of ``size`` (H', W') cells: (B, C, H', W').

    ``centre``: where within its cell a cell's receptive field is centred, as a share of the cell's side from its left
    and upper border. 0.5 is the middle; then this is bilinear interpolation with ``align_corners=False``. For a level
    of stride s it is 0.5 / s for a ResNet, 1 - 0.5 / s for TensorFlow's 'same' padding.
    """
    if tuple(level.shape[-2:]) == tuple(size) and centre == 0.5:
        return level
    down = interpolation_matrix(level.shape[-2], size[0], centre).to(level)
    across = interpolation_matrix(level.shape[-1], size[1], centre).to(level)
    return down @ level @ across.t()
