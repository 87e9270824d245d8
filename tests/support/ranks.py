"""Runs a function on several gloo ranks, each a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def _rank(rank: int, function: Callable, world_size: int, port: int, folder: str, args: tuple) -> None:
    torch.set_num_threads(1)
    os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world_size))
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    try:
        torch.save(function(rank, *args), Path(folder) / f'{rank}.pt')
    finally:
        # What still holds the group, say a runner, would keep its threads alive while this process ends.
        gc.collect()
        dist.destroy_process_group()


def run_ranks(function: Callable, world_size: int, folder: Path, *args: Any) -> list[Any]:
    """What ``function(rank, *args)``, importable from a module, returns on each rank; ``folder`` is for their use."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    # Like spawn, but the imports, which take most of the time, happen once and not on every rank.
    multiprocessing.set_forkserver_preload(['toy', __name__])
    arguments = (function, world_size, port, str(folder), args)
    mp.start_processes(_rank, arguments, nprocs=world_size, start_method='forkserver')
    return [torch.load(folder / f'{rank}.pt', weights_only=False) for rank in range(world_size)]
