"""Processes of their own: a function in one, or on the ranks of a gloo group.

They are forked from a fork server, which is itself forked from pytest's process before its first test: all is imported,
and no test has run. So a process costs less than a second and not the seven of the imports. Their environment is the
fork server's: what a test sets in its own does not reach them.
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
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from support.lighter import lighten

ROOT = Path(__file__).parents[2]


def start_fork_server() -> None:
    """Forks the process that others are forked from. For tests/conftest.py, when the tests are collected."""
    resource_tracker.ensure_running()
    pipes, make_pipe = [], os.pipe

    def pipe() -> tuple[int, int]:
        pipes.append(make_pipe())
        return pipes[-1]

    def fork(_: bytes, arguments: list[str], __: list[int]) -> int:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                # The server ends when nobody has this end of its pipe any more.
                os.close(pipes[-1][1])
                lighten(pytest.MonkeyPatch())
                exec(arguments[-1], {})
                code = 0
            finally:
                os._exit(code)
        return child

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, 'pipe', pipe)
        # Python would start a new interpreter here, which has to import everything again, with this program after -c.
        patch.setattr(util, 'spawnv_passfds', fork)
        forkserver.ensure_running()


def context() -> ForkServerContext:
    """What starts processes, see above."""
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
