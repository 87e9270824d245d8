"""How far a long loop is, and how long it will still take."""

from __future__ import annotations

import time
from types import TracebackType

from mmengine.dist import is_main_process
from mmengine.logging import print_log
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

#: A line is logged at least this often, in seconds.
LINE_SECONDS = 60.0


class Progress:
    """rich's bar with the time left on a terminal, and about ``lines`` lines in the log on the way from 0 to ``total``.

    .. code-block:: python

        with Progress('ITM scores', total=10_000) as progress:
            progress.step(128)

    Long ways get more lines, one a minute. The lines are ours: without a terminal rich prints its bar once, at the end.

    Args:
        what: what is done.
        total: steps in all.
        done: steps that an earlier run did; they do not count in the speed.
        lines: see above.
        console: where the main process draws the bar, if it is a terminal; None: the standard error output.
    """

    def __init__(self, what: str, total: int, done: int = 0, lines: int = 4, console: Console | None = None) -> None:
        self.what = what
        self.total = max(total, 1)
        self.first = self.done = min(done, self.total)
        self._every = max(self.total // lines, 1)
        self._next = (self.done // self._every + 1) * self._every
        self._start = self._last = time.monotonic()
        console = console or Console(stderr=True)
        self._shown = console.is_interactive and is_main_process()
        self._bar = Bar(
            TextColumn('{task.description}'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn('left'),
            TimeRemainingColumn(),
            console=console,
            # The lines in the log tell what was done; the bar goes when it is.
            transient=True,
            speed_estimate_period=300,
        )
        self._task = self._bar.add_task(what, total=self.total, completed=self.done)

    def __enter__(self) -> Progress:
        self._show(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show(False)

    def _show(self, on: bool) -> None:
        if self._shown:
            (self._bar.start if on else self._bar.stop)()

    def step(self, count: int) -> None:
        """``count`` more are done."""
        before, self.done = self.done, min(self.done + count, self.total)
        self._bar.update(self._task, completed=self.done)
        now = time.monotonic()
        due = self.done >= min(self._next, self.total) or now - self._last >= LINE_SECONDS
        if not due or before == self.total:
            return
        used = now - self._start
        left = used / max(self.done - self.first, 1) * (self.total - self.done)
        # A line that is logged while the bar stands there would go on behind it.
        self._show(False)
        print_log(f'{self.what}: {self.done}/{self.total}, {used:.1f} s, {left:.1f} s left', logger='current')
        self._show(True)
        self._last, self._next = now, (self.done // self._every + 1) * self._every
