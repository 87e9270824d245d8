"""The fastest matrix product measured on this machine, the reference of utilisations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch.utils.benchmark import Timer


def matmul_peak(
    device: torch.device | str = 'cpu',
    dtype: torch.dtype = torch.float32,
    sizes: Sequence[int] = (512, 1024),
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Operations a second (two for a multiply-add) of square products of ``sizes`` in ``dtype`` on ``device``.

    As many threads are used as the process has. The best of all runs counts: whatever else the machine does can only
    slow a product down, so the best is nearest to what it can do. A GPU asks for larger ``sizes``, e.g. (4096, 8192);
    for ``clock`` see :mod:`measuring.timing`.
    """
    best = 0.0
    for size in sizes:
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        timer = Timer(
            'torch.mm(left, right, out=out)',
            globals=dict(torch=torch, left=left, right=right, out=torch.empty_like(left)),
            timer=clock,
            num_threads=torch.get_num_threads(),
        )
        seconds = min(timer.timeit(1).mean for _ in range(repeats))
        best = max(best, 2 * size**3 / seconds)
    return best
