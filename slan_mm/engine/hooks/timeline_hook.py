"""Writes down when things happen, for tools that interrupt a run and measure it."""

import json
import time
from typing import Any, TextIO

from mmengine.hooks import Hook

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class TimelineHook(Hook):
    """Appends a JSON line ``{event, iter, time}`` to a file, at once, so that nothing is lost when the run is killed.

    Events, in order: ``built`` (runner, model and data are there), ``ready`` (a checkpoint, if any, is loaded),
    ``data`` (the first batch is there), ``iter`` (an iteration is done, its checkpoint included). ``time`` is
    ``time.time()``.
    """

    priority = 'LOWEST'

    def __init__(self, path: str) -> None:
        self.path = path
        self._first = True
        self._file: TextIO | None = None

    def _write(self, event: str, iteration: int) -> None:
        if self._file is None:
            self._file = open(self.path, 'a', encoding='utf-8')  # noqa: SIM115  (closed in after_run)
        self._file.write(json.dumps({'event': event, 'iter': iteration, 'time': time.time()}) + '\n')
        self._file.flush()

    def before_run(self, runner: Any) -> None:
        self._write('built', 0)

    def before_train(self, runner: Any) -> None:
        self._write('ready', runner.iter)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: dict | tuple | list | None = None) -> None:
        if self._first:
            self._write('data', runner.iter)
            self._first = False

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        self._write('iter', runner.iter + 1)

    def after_run(self, runner: Any) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
