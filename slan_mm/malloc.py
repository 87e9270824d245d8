"""Lets a process on a CPU keep the memory it frees."""

from __future__ import annotations

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # of <malloc.h>


def keep_freed_memory() -> bool:
    """Makes glibc reuse freed memory instead of handing it back to the system at once.

    By default each tensor of more than a few megabytes is fresh memory from the system, which clears it page by page;
    a network on a CPU frees and asks for such tensors all the time and may spend most of its time there. The price is
    that the process holds its peak of memory until it ends.

    Returns:
        Whether it could be set: not without glibc.
    """
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(_M_MMAP_MAX, 0), mallopt(_M_TRIM_THRESHOLD, 2**31 - 1), mallopt(_M_TOP_PAD, 64 * 2**20)])
