"""Writes down what a run was: what a table of results needs beside its metrics."""

import json
import math
import shlex
import subprocess
import sys
import time
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

import slan_mm
from slan_mm.atomic_files import replaced_atomically
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.plain_text import short
from slan_mm.registry import HOOKS
from slan_mm.shipped import ROOT
from slan_mm.text_files import TextFileError, read_json

RECORD = 'run.json'


def current_commit() -> str | None:
    """The commit of the code that runs, ``-changed`` behind it when files differ; None where it is no git checkout."""

    def git(*arguments: str) -> str:
        folder = str(Path(slan_mm.__file__).parent)
        done = subprocess.run(['git', '-C', folder, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        commit = git('rev-parse', 'HEAD')
        return f'{commit}-changed' if git('status', '--porcelain', '--untracked-files=no') else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def config_name(filename: str | None) -> str | None:
    """``filename`` from the repository's root; the name alone of a file outside of it, which is a machine's matter."""
    if filename is None:
        return None
    path = Path(filename).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def current_command() -> str:
    """The command of this process as a shell would take it again; files of the repository are named from its root.

    Variables of the environment are not in it.
    """
    arguments = [config_name(sys.argv[0]) or '', *(word.removeprefix(f'{ROOT}/') for word in sys.argv[1:])]
    return shlex.join(['python', *arguments])


def read_record(folder: str | Path) -> dict[str, Any]:
    """The record in a run's folder; empty where there is none.

    Raises:
        TextFileError: it is damaged.
    """
    path = Path(folder) / RECORD
    record = read_json(path) if path.is_file() else {}
    if not isinstance(record, dict):
        raise TextFileError(path, f'the record of a run has names and values, not {short(record)}')
    return record


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Keeps ``run.json`` in the work directory, in all configs by ``configs/default_runtime.py``.

    - ``config``: the config file, from the repository's root where it is in it, else its name; ``seed``, ``steps``
      (iterations; of a test alone those of its checkpoint, None where it does not tell), ``processes``, ``threads`` of
      each, ``parameters`` of the model; ``torch``, its version; ``device``, 'cpu' or the GPU's name.
    - ``command``: as it was given, with all options, paths from the repository's root; of the training.
    - ``commit``: see :func:`current_commit`; of the training, and ``tested_commit`` of the test.
    - ``train_seconds``: from the first iteration to the last, checkpoints and validations included, over all processes
      that a run was interrupted and resumed in. ``finished``: whether the last iteration was reached.
    - ``val``: the last validation's metrics and its ``iteration``; ``test``: the last test's metrics;
      ``test_checkpoint``: the name of the file tested, None: the weights just trained.
    - ``galleries``: of each retrieval task tested the number of ``images`` and ``texts``: chance R@1 is 1 in so many.

    A test writes into the record of its work directory, which ``tools/test.py`` shares with ``tools/train.py``.
    """

    # After all others: what they do belongs to the run.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._before = 0.0
        self._start: float | None = None
        self._loaded_steps: int | None = None

    @property
    def seconds(self) -> float:
        """Training time so far, in this process and those before it."""
        return self._before + (0.0 if self._start is None else time.monotonic() - self._start)

    def before_train(self, runner: Any) -> None:
        if runner.iter == 0:
            # `load_from` brings the time of another run along.
            self._before = 0.0
        self._start = time.monotonic()
        ran = dict(commit=current_commit(), command=current_command())
        self._write(runner, **self._about(runner, runner.iter), **ran, finished=False, train_seconds=self.seconds)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        checkpoint['train_seconds'] = self.seconds

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        self._before = float(checkpoint.get('train_seconds', 0.0))
        self._loaded_steps = checkpoint.get('meta', {}).get('iter')

    def after_train(self, runner: Any) -> None:
        # A run that early stopping ended is over, too.
        finished = runner.iter >= runner.max_iters or runner.train_loop.stop_training
        self._write(runner, steps=runner.iter, finished=finished, train_seconds=round(self.seconds, 1))

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        self._write(runner, val={**plain(metrics), 'iteration': runner.iter})

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        evaluators = getattr(runner.test_loop, 'evaluator', None)
        galleries = {
            name: {'images': len(item.gallery.image_ids), 'texts': len(item.gallery.texts)}
            for name, item in (evaluators if isinstance(evaluators, dict) else {}).items()
            if getattr(item, 'gallery', None) is not None
        }
        trained = self._start is not None
        self._write(
            runner,
            # Not `runner.iter`: asked for it, a runner that has not trained builds its training data.
            **({} if trained or self._record(runner) else self._about(runner, self._loaded_steps)),
            test=plain(metrics),
            test_checkpoint=None if trained else self._tested(runner.cfg.get('load_from')),
            tested_commit=current_commit(),
            galleries=galleries,
        )

    def _tested(self, load_from: str | None) -> str:
        return find_checkpoint(load_from).name if load_from else ''

    def _about(self, runner: Any, steps: int | None) -> dict[str, Any]:
        return {
            'config': config_name(runner.cfg.filename),
            'seed': runner.seed,
            'steps': steps,
            'processes': runner.world_size,
            'threads': torch.get_num_threads(),
            'parameters': sum(parameter.numel() for parameter in runner.model.parameters()),
            'torch': torch.__version__,
            'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
        }

    def _record(self, runner: Any) -> dict[str, Any]:
        """The record so far. A damaged one is put aside: no run is lost for it."""
        try:
            return read_record(runner.work_dir)
        except TextFileError as error:
            path = Path(runner.work_dir) / RECORD
            path.replace(path.with_suffix('.json.damaged'))
            runner.logger.warning(f'{error}. Kept as {path.name}.damaged; the record begins anew')
            return {}

    def _write(self, runner: Any, **fields: Any) -> None:
        if not is_main_process():
            return
        path = Path(runner.work_dir) / RECORD
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_atomically(path) as temporary:
            record = {**self._record(runner), **fields}
            temporary.write_text(json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + '\n')


def plain(metrics: dict[str, Any] | None) -> dict[str, float]:
    """The numbers of ``metrics``, as json can write them: without those of classes that a test lacks, which are NaN."""
    numbers = {name: float(value) for name, value in (metrics or {}).items() if isinstance(value, Real)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
