"""Progress lines for the log of a long evaluation."""

from __future__ import annotations

import time

from mmengine.logging import print_log


class Progress:
    """Logs about ``lines`` lines on the way from 0 to ``total``: how much is done, the time used and the time left."""

    def __init__(self, what: str, total: int, lines: int = 4) -> None:
        self.what = what
        self.total = max(total, 1)
        self.done = 0
        self._every = max(self.total // lines, 1)
        self._next = self._every
        self._start = time.monotonic()

    def step(self, count: int) -> None:
        """``count`` more are done."""
        self.done = min(self.done + count, self.total)
        if self.done < self._next and self.done < self.total:
            return
        if self._next > self.total:
            return
        used = time.monotonic() - self._start
        left = used / self.done * (self.total - self.done)
        print_log(f'{self.what}: {self.done}/{self.total}, {used:.1f} s, {left:.1f} s left', logger='current')
        self._next = (self.done // self._every + 1) * self._every if self.done < self.total else self.total + 1
