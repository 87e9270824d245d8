"""Gathering over ranks, with its gradient, and random numbers that all ranks share."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size
from torch import Tensor

from slan_mm.structures import Batched

Record = TypeVar('Record', bound=Batched)


def _join(local: Tensor) -> Tensor:
    parts = [torch.empty_like(local) for _ in range(get_world_size())]
    dist.all_gather(parts, local.contiguous())
    return torch.cat(parts)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        ctx.count = len(local)
        return _join(local)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        grad = grad.contiguous()
        dist.all_reduce(grad)
        start = get_rank() * ctx.count
        return grad[start : start + ctx.count]


def gather(local: Tensor) -> Tensor:
    """Joins ``local`` (B, ...) of all ranks along the first axis, in rank order; all ranks hold the same B.

    The gradients of all ranks are summed, so the mean over ranks of losses on local rows has the gradient of one loss
    on the global batch. With one rank it is the identity.
    """
    if get_world_size() == 1:
        return local
    return _Gather.apply(local) if local.is_floating_point() else _join(local)


def gather_padded(local: Tensor) -> Tensor:
    """:func:`gather` for tensors (B, N, ...) whose N differs between ranks: zero-padded to the largest."""
    if get_world_size() == 1:
        return local
    longest = torch.tensor(local.shape[1], device=local.device)
    dist.all_reduce(longest, op=dist.ReduceOp.MAX)
    missing = int(longest) - local.shape[1]
    if missing:
        local = torch.cat([local, local.new_zeros(len(local), missing, *local.shape[2:])], dim=1)
    return gather(local)


def gather_record(record: Record, padded: bool = False) -> Record:
    """:func:`gather` (or :func:`gather_padded`) of every tensor of a record."""
    if get_world_size() == 1:
        return record
    return record.map(gather_padded if padded else gather)


def local_rows(count: int) -> slice:
    """The rows of the gathered batch that are this rank's own ``count``."""
    return slice(get_rank() * count, (get_rank() + 1) * count)


def global_mean(total: Tensor, count: Tensor) -> Tensor:
    """``total / count``, scaled so that its mean over ranks is the mean over the global batch."""
    count = count.detach().to(total.dtype)
    if get_world_size() > 1:
        count = count.clone()
        dist.all_reduce(count)
    return total * get_world_size() / count.clamp(min=1)


def seeded_uniform(seed: int, iteration: int, kind: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Numbers in [0, 1) decided by ``seed``, ``iteration`` and ``kind`` alone: the same on every rank.

    ``kind`` (0 to 15) separates their uses.
    """
    generator = torch.Generator()
    generator.manual_seed((seed * 1_000_003 + iteration) * 16 + kind)
    return torch.rand(shape, generator=generator).to(device)
