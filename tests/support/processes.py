"""Processes of their own: a function in one, or on the ranks of a gloo group.

They are forked from a process that has imported what they need, so that a process costs less than a second and not the
seven of the imports. Their environment is that process's: what a test sets in its own does not reach them.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import runpy
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

ROOT = Path(__file__).parents[2]
IMPORTED = [
    'support.garbage',
    'slan_mm.engine',
    'slan_mm.evaluation',
    'support.engine',
    'support.toy',
    'support.retrieval_fakes',
    'support.forked_from',
]


def context() -> ForkServerContext:
    """What starts processes, see above."""
    multiprocessing.set_forkserver_preload(IMPORTED)
    with pytest.MonkeyPatch.context() as patch:
        # Python 3.11 tells the process that imports nothing of sys.path, and passes over what is not found.
        patch.setenv('PYTHONPATH', os.pathsep.join(path for path in sys.path if path))
        forkserver.ensure_running()
    return multiprocessing.get_context('forkserver')


def run_in_process(function: Callable, *args: Any) -> Any:
    """What ``function(*args)``, importable from a module, returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=context()) as pool:
        return pool.submit(function, *args).result()


def exit_code_of_tool(tool: str, *options: str) -> int:
    """Runs ``tools/<tool>`` in a process of its own: 0, 1 after an error, or minus the signal that killed it."""
    process = context().Process(target=_tool, args=(tool, options))
    process.start()
    process.join()
    return process.exitcode


def _tool(tool: str, options: tuple[str, ...]) -> None:
    os.chdir(ROOT)
    sys.argv = [tool, *options]
    runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def run_ranks(function: Callable, world_size: int, folder: Path, *args: Any) -> list[Any]:
    """What ``function(rank, *args)``, importable from a module, returns on each rank; ``folder`` is for their use."""
    _start(_rank, world_size, function, str(folder), args)
    return [torch.load(folder / f'{rank}.pt', weights_only=False) for rank in range(world_size)]


def run_tool_on_ranks(tool: str, world_size: int, *options: str) -> None:
    """Runs ``tools/<tool>`` as ``torchrun`` would, on gloo: the tool itself makes the group."""
    _start(_tool_on_a_rank, world_size, tool, options)


def _start(function: Callable, world_size: int, *args: Any) -> None:
    context()
    mp.start_processes(function, (world_size, free_port(), *args), nprocs=world_size, start_method='forkserver')


def _set_rank(rank: int, world_size: int, port: int) -> None:
    torch.set_num_threads(1)
    names = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port, RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world_size)
    os.environ |= {name: str(value) for name, value in names.items()}


def _tool_on_a_rank(rank: int, world_size: int, port: int, tool: str, options: tuple[str, ...]) -> None:
    _set_rank(rank, world_size, port)
    _tool(tool, options)


def _rank(rank: int, world_size: int, port: int, function: Callable, folder: str, args: tuple) -> None:
    _set_rank(rank, world_size, port)
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    try:
        torch.save(function(rank, *args), Path(folder) / f'{rank}.pt')
    finally:
        # What still holds the group, say a runner, would keep its threads alive while this process ends.
        gc.collect()
        dist.destroy_process_group()
