import platform
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from support.processes import run_in_process

from slan_mm.malloc import keep_freed_memory, return_mapped_pages


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


def resident():
    """Resident memory in MiB, from Linux' /proc."""
    status = Path('/proc/self/status').read_text()
    return int(status.split('VmRSS:')[1].split()[0]) / 1024


def mapped_and_returned(path):
    """MiB that a process has less once it returned the pages of a map of 64 MiB, and whether the map is unharmed."""
    numbers = np.memmap(path, dtype='float32', mode='w+', shape=(2**24,))
    numbers[:] = 3
    before = resident()
    assert return_mapped_pages(numbers)
    return before - resident(), bool((numbers == 3).all())


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='needs Linux')
def test_pages_of_a_map_are_returned_and_come_back(tmp_path):
    less, whole = run_in_process(mapped_and_returned, tmp_path / 'numbers')
    assert whole
    assert less > 60


def test_an_array_in_memory_has_no_pages_to_return():
    assert not return_mapped_pages(np.zeros(3))
