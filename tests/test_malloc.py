import platform
import resource

import pytest
import torch
from support.processes import run_in_process

from slan_mm.malloc import keep_freed_memory


def faults():
    """Pages that eight tensors of 64 MiB ask the system for, one after the other."""
    assert keep_freed_memory()
    for _ in range(4):
        torch.ones(16 * 2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='needs glibc')
def test_freed_memory_is_used_again():
    # In a process of its own: the setting stays until the process ends.
    # Fresh memory would be 16384 pages of 4 KiB each of the eight times; kept memory is split now and then.
    assert run_in_process(faults) < 4 * 16384
