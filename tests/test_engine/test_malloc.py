import platform
import subprocess
import sys

import pytest

PROBE = """
import resource, torch
from slan_mm.engine.malloc import keep_freed_memory
assert keep_freed_memory()
for _ in range(2):
    torch.ones(16 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.ones(16 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='needs glibc')
def test_freed_memory_is_used_again():
    # In a process of its own: the setting stays until the process ends.
    run = subprocess.run([sys.executable, '-c', PROBE], capture_output=True, text=True, check=True)
    # Fresh memory would be 16384 pages of 4 KiB each of the four times; kept memory is split now and then.
    assert int(run.stdout.split()[-1]) < 2 * 16384
