"""mmdet's attention by PyTorch's fused kernel.

mmcv wraps ``torch.nn.MultiheadAttention`` and requests attention weights that it does not use. PyTorch then computes
and stores the whole matrix of weights instead of one fused ``scaled_dot_product_attention``. The values are the same
up to rounding.
"""

from __future__ import annotations

from typing import Any

from torch import nn


def _without_weights(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    return args, {**kwargs, 'need_weights': False}


def fuse_attention(module: nn.Module) -> None:
    """Makes every ``torch.nn.MultiheadAttention`` inside ``module`` compute no attention weights.

    For callers that do not read them, as mmcv's and mmdet's transformer layers: they get None instead.
    """
    for child in module.modules():
        if isinstance(child, nn.MultiheadAttention):
            child.register_forward_pre_hook(_without_weights, with_kwargs=True)
