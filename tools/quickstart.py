"""Shows what the shipped model finds, pre-trains the tiny SLAN on generated shapes data, and shows what that finds.

    bash tools/quickstart.sh             installs first, then runs this
    python tools/quickstart.py --fresh   deletes an earlier run

Writes metrics.json, regions.png, retrieval.png and log into the work directory, those of the shipped model, which was
trained for longer, into its folder ``shipped``. An interrupted run continues from its last checkpoint. A finished one
is not repeated; only its table is printed.
"""

import argparse
import hashlib
import json
import logging
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive
from slan_mm.environment import smoke_asked_for
from slan_mm.shipped import ROOT, TINY_MODEL


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog='quickstart', description=__doc__.splitlines()[0])
    parser.add_argument('--fresh', action='store_true', help='throw an earlier run in the work directory away')
    parser.add_argument('--smoke', action='store_true', help='a few iterations on a few pictures: does it all work?')
    parser.add_argument('--work-dir', type=option(out_folder), help='where to write (default: work_dirs/quickstart)')
    parser.add_argument('--threads', type=positive, help='CPU threads (default: one a core, at most 8)')
    options = parser.parse_args(arguments)
    options.smoke = options.smoke or smoke_asked_for()
    if options.work_dir is None:
        options.work_dir = Path('work_dirs') / ('quickstart_smoke' if options.smoke else 'quickstart')
    if options.threads is None:
        # More threads than this only wait for each other: the model is too small.
        options.threads = int(os.environ.get('OMP_NUM_THREADS') or min(len(os.sched_getaffinity(0)), 8))
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger

from slan_mm.atomic_files import replaced_atomically
from slan_mm.engine.runner import ResumableRunner
from slan_mm.engine.smoke import make_smoke_run
from slan_mm.evaluation.metrics_table import metrics_table
from slan_mm.malloc import keep_freed_memory
from slan_mm.text_files import read_json

CONFIG = ROOT / 'configs/pretrain/slan_tiny_shapes.py'
SHIPPED, WEIGHTS = (ROOT / name for name in TINY_MODEL)
SHIPPED_PICTURES = 40  # of each test: a picture to look at and a rough table, soon
MARK = 'quickstart.json'  # tells a folder of ours from any other, and which settings its run has


def make_config(work_dir: Path, smoke: bool, file: Path = CONFIG) -> Config:
    """A tiny config, without validation (the test follows at once) and with the figures."""
    cfg = Config.fromfile(file)
    cfg.work_dir = str(work_dir)
    cfg.launcher = 'none'
    cfg.resume = 'auto'
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.visualization = dict(
        type='RegionFigureHook', draw=True, show_dir=str(work_dir), max_pictures=8, per_figure=8
    )
    if smoke:
        make_smoke_run(cfg)
    return cfg


def settings_of(cfg: Config) -> str:
    """A hash of all that the result of a run depends on."""
    names = ('model', 'train_cfg', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper')
    settings = {name: cfg[name] for name in (*names, 'param_scheduler', 'randomness')}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _settings_of(mark: Path) -> str | None:
    """The settings of the run that left ``mark``; None where it is damaged."""
    try:
        return read_json(mark)['settings']
    except (ValueError, KeyError, TypeError):
        return None


def prepare_folder(folder: Path, settings: str, fresh: bool) -> None:
    """Makes the work directory, or checks that it holds a run with the same settings.

    Raises:
        SystemExit: The folder is not ours to throw away, or holds another run.
    """
    mark = folder / MARK
    if folder.is_dir() and any(folder.iterdir()) and not mark.is_file():
        sys.exit(f'quickstart: {folder} is not empty and no run of quickstart: choose another with --work-dir')
    if fresh and mark.is_file():
        shutil.rmtree(folder)
    if mark.is_file() and _settings_of(mark) != settings:
        sys.exit(
            f'quickstart: {folder} holds a run with other settings (the config has changed since): '
            'throw it away with --fresh, or choose another folder with --work-dir'
        )
    folder.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(mark) as temporary:
        temporary.write_text(json.dumps({'settings': settings}) + '\n')


def open_log(folder: Path) -> logging.Logger:
    """What this tool says: to the console and to ``folder / 'log'``."""
    log = logging.Logger('quickstart', logging.INFO)
    console, file = logging.StreamHandler(sys.stdout), logging.FileHandler(folder / 'log')
    console.setFormatter(logging.Formatter('%(message)s'))
    file.setFormatter(logging.Formatter('%(asctime)s %(message)s'))
    log.handlers = [console, file]
    return log


class QuietRunner(ResumableRunner):
    """Its log goes to ``log`` in the work directory, whole; to the console only errors and how far evaluation is."""

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """MMEngine's logger, quieter."""
        logger = super().build_logger(log_level, str(Path(self.work_dir) / 'log'), **kwargs)
        console = logger.handlers[0]
        console.setFormatter(logging.Formatter('%(message)s'))
        console.addFilter(
            lambda record: record.levelno >= logging.ERROR
            or record.getMessage().startswith(('Task ', 'Encode ', 'Scores of all pairs', 'ITM scores'))
        )
        return logger


class ProgressHook(Hook):
    """Prints a line with the losses (means of the last ``interval`` iterations) and the time left; keeps the time used.

    The time used goes into every checkpoint, so that a run that was interrupted counts what came before.
    """

    priority = 'LOW'

    def __init__(self, interval: int, log: logging.Logger) -> None:
        self.interval = interval
        self.log = log
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time used so far, in this process and those before it."""
        return time.monotonic() - self._start

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        checkpoint['quickstart_seconds'] = self.seconds

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        self._start -= checkpoint.get('quickstart_seconds', 0.0)

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        done, total = runner.iter + 1, runner.max_iters
        if done % self.interval and done != total and done != 1:
            return
        scalars = runner.message_hub.log_scalars
        losses = {
            name.removeprefix('train/loss_').removeprefix('region_word_'): buffer.mean(self.interval)
            for name, buffer in scalars.items()
            if name.startswith('train/loss_')
        }
        left = timedelta(seconds=round(runner.message_hub.get_info('eta')))
        self.log.info(
            f'{done:5d}/{total}  {left} left  loss {scalars["train/loss"].mean(self.interval):6.2f} = '
            + ' + '.join(f'{name} {value:.2f}' for name, value in losses.items()),
        )


def measure(runner: QuietRunner) -> dict[str, float]:
    """Tests and draws; returns the metrics, and chance."""
    metrics = {name: float(value) for name, value in runner.test().items()}
    gallery = runner.test_loop.evaluator['retrieval'].gallery
    metrics['retrieval/chance_R1'] = 100 / len(gallery.image_ids)
    return metrics


def write_metrics(file: Path, metrics: dict[str, float]) -> None:
    """As json."""
    with replaced_atomically(file) as temporary:
        temporary.write_text(json.dumps(metrics, indent=2, sort_keys=True) + '\n')


def show_shipped(folder: Path, smoke: bool, log: logging.Logger) -> None:
    """Tests the shipped model on a few pictures, unless ``folder`` has that already, and tells what it finds."""
    file = folder / 'metrics.json'
    if not file.is_file():
        log.info(
            f'First what a model finds that was trained for longer, {WEIGHTS.relative_to(ROOT)}, on a few pictures:'
        )
        cfg = make_config(folder, smoke, SHIPPED)
        cfg.experiment_name = f'shipped_{time.time_ns()}'
        cfg.load_from, cfg.resume = str(WEIGHTS), False
        for loader in cfg.test_dataloader.values():
            loader.dataset.num_images = min(SHIPPED_PICTURES, loader.dataset.get('num_images', SHIPPED_PICTURES))
        write_metrics(file, measure(QuietRunner.from_cfg(cfg)))
    log.info('\n' + metrics_table(json.loads(file.read_text())) + '\n')
    log.info(f'{folder / "regions.png"}: where it finds the words\n')


def train_and_test(cfg: Config, log: logging.Logger, threads: int) -> dict[str, float]:
    """Trains (or goes on), tests, draws; returns the metrics, the time of it all among them."""
    progress = ProgressHook(interval=2 if cfg.train_cfg.max_iters < 20 else 20, log=log)
    runner = QuietRunner.from_cfg(cfg)
    runner.register_hook(progress)
    total = cfg.train_cfg.max_iters
    log.info(f'training: {total} iterations of {cfg.train_dataloader.batch_size} pairs on {threads} threads')
    runner.train()
    log.info(f'trained after {progress.seconds / 60:.1f} min; evaluating on the test split')
    metrics = measure(runner)
    metrics['train_eval_minutes'] = progress.seconds / 60
    metrics['train_iterations'] = float(total)
    metrics['threads'] = float(threads)
    return metrics


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs what is still to be done, and reports."""
    options = parse_options(arguments)
    folder = options.work_dir
    cfg = make_config(folder, options.smoke)
    prepare_folder(folder, settings_of(cfg), options.fresh)
    log = open_log(folder)
    file = folder / 'metrics.json'
    if file.is_file():
        log.info(f'{folder} holds a finished run; --fresh trains again')
    else:
        torch.set_num_threads(options.threads)
        keep_freed_memory()
        show_shipped(folder / 'shipped', options.smoke, log)
        log.info('Pre-trains SLAN on generated pictures and their captions, without any box, then tests it.')
        log.info(f'Everything goes to {folder}; interrupted, the same command goes on from the last checkpoint.')
        write_metrics(file, train_and_test(cfg, log, options.threads))
    log.info('\n' + metrics_table(json.loads(file.read_text())) + '\n')
    if options.smoke:
        log.info('A smoke run: these numbers mean nothing.')
    for name in ('metrics.json', 'regions.png', 'retrieval.png', 'log'):
        log.info(str(folder / name))


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('quickstart: interrupted; the same command goes on from the last checkpoint')
