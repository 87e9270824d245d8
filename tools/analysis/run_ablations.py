"""Runs a grid of ablations, several at once; an interrupted grid continues.

    python tools/analysis/run_ablations.py configs/ablation/grid.yaml --jobs 2       the whole grid
    python tools/analysis/run_ablations.py configs/ablation/grid.yaml --rows default adaptors-0 --seeds 0
    python tools/analysis/run_ablations.py configs/ablation/grid.yaml --list         what is done, and what is to do
    python tools/analysis/run_ablations.py configs/ablation/grid.yaml --smoke        every row at toy size, in minutes

A run has the folder ``OUT/<row>-seed<k>`` with ``config.py``, ``log``, the last checkpoint, and ``run.json``, from
which ``tools/analysis/make_results.py`` makes tables. Every run is its own process with one thread. A run that fails,
or takes longer than the grid's ``max_minutes``, is reported at the end and tried again by the next call; finished runs
are left alone. ``--collect DIR`` copies the records of finished runs to DIR, as ``<row>-seed<k>.json``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from fnmatch import filter as matching
from pathlib import Path
from typing import Any

from slan_mm.arguments import out_folder, whole
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Runs a grid of ablations.')
    parser.add_argument('grid', help='yaml file, e.g. configs/ablation/grid.yaml')
    parser.add_argument(
        '--out', type=option(out_folder), help='folder of the runs (default: work_dirs/ablations/<name of the grid>)'
    )
    parser.add_argument(
        '--jobs', type=positive, default=len(os.sched_getaffinity(0)), help='runs at once (default: cores)'
    )
    parser.add_argument(
        '--rows', nargs='+', help="only these rows, and those that they wait for; 'vqa-*' is all that begin so"
    )
    parser.add_argument('--seeds', type=option(whole(0)), nargs='+', help='only these seeds')
    parser.add_argument('--list', action='store_true', help='say what is done and what is to do')
    parser.add_argument('--smoke', action='store_true', help='one iteration on a few pictures: does every row work?')
    parser.add_argument('--collect', type=option(out_folder), help='folder that records of finished runs are copied to')
    parser.add_argument('--job', type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.out is None:
        options.out = Path('work_dirs/ablations') / (Path(options.grid).stem + ('_smoke' if options.smoke else ''))
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from ablation_grid import Grid, Row, read_grid, row_config
from mmengine.config import Config

from slan_mm.atomic_files import replaced_atomically
from slan_mm.engine.checkpoint_io import resumable_checkpoints
from slan_mm.engine.hooks.run_record_hook import config_name, read_record
from slan_mm.engine.launch import build_runner
from slan_mm.engine.smoke import take_few
from slan_mm.engine.start_losses import start_losses

CONFIG, IDENTITY = 'config.py', 'ablation.json'


def shrink(cfg: Config) -> Config:
    """A run of one iteration of two pairs, tested on four pictures; the model is the config's own."""
    cfg.train_cfg.pop('max_epochs', None)
    cfg.train_cfg.max_iters = 1
    if 'val_interval' in cfg.train_cfg:
        cfg.train_cfg.val_interval = 1
    cfg.train_dataloader.batch_size = 2
    take_few(cfg.train_dataloader.dataset, 4)
    start_losses(cfg.model)
    cfg.default_hooks.checkpoint.interval = 1
    for mode in ('val', 'test'):
        loaders, evaluators = cfg[f'{mode}_dataloader'], cfg[f'{mode}_evaluator']
        for loader in [loaders] if 'dataset' in loaders else loaders.values():
            take_few(loader.dataset, 4)
            loader.batch_size = 4
        if 'retrieval' in evaluators:
            evaluators.retrieval.k = 2
    return cfg


def folder_of(out: Path, row: Row, seed: int) -> Path:
    """Where a run is kept."""
    return out / f'{row.name}-seed{seed}'


def is_done(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Whether a folder holds a finished and tested run with these settings.

    Raises:
        SystemExit: It holds one with others: the grid has changed since.
    """
    mark = folder / IDENTITY
    if mark.is_file() and json.loads(mark.read_text()) != identity:
        sys.exit(f'run_ablations: {folder} holds a run with other settings; remove it, or choose another --out')
    record = read_record(folder)
    return bool(record.get('finished') and record.get('test') and record.get('ablation') == identity)


def identity_of(grid: Grid, row: Row, seed: int, smoke: bool) -> dict[str, Any]:
    """What makes a run this run; it stands in its record."""
    options = grid.options_of(row)
    identity = {'row': row.name, 'config': row.config, 'options': options, 'cut': row.cut, 'seed': seed, 'smoke': smoke}
    return json.loads(json.dumps(identity))


def prepare(grid: Grid, row: Row, seed: int, out: Path, smoke: bool) -> Path:
    """Writes a run's ``config.py``; the rows that it waits for are done."""
    folder = folder_of(out, row, seed)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints = resumable_checkpoints(folder_of(out, grid.rows[row.after], seed)) if row.after else []
    cfg = row_config(grid, row, seed, str(checkpoints[0].resolve()) if checkpoints else None)
    if smoke:
        shrink(cfg)
    cfg.work_dir = str(folder)
    cfg.resume = 'auto'
    cfg.launcher = 'none'
    # The test follows the training at once.
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    cfg.vis_backends = []
    cfg.visualizer.vis_backends = []
    cfg.experiment_name = folder.name
    cfg.dump(folder / CONFIG)
    with replaced_atomically(folder / IDENTITY) as temporary:
        temporary.write_text(json.dumps(identity_of(grid, row, seed, smoke)) + '\n')
    return folder


def run_job(folder: Path) -> None:
    """Trains (or goes on with) the run of a prepared folder, tests it, and completes its record."""
    runner = build_runner(Config.fromfile(folder / CONFIG))
    runner.train()
    runner.test()
    identity = json.loads((folder / IDENTITY).read_text())
    # The record names the config of the row, not the file that was made of it.
    record = {**read_record(folder), 'ablation': identity, 'config': config_name(identity['config'])}
    with replaced_atomically(folder / 'run.json') as temporary:
        temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + '\n')


def start(folder: Path) -> subprocess.Popen:
    """A process for :func:`run_job`, whose output goes to ``folder / 'log'``."""
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    with open(folder / 'log', 'a') as log:
        return subprocess.Popen(
            [sys.executable, __file__, 'job', '--job', str(folder)], stdout=log, stderr=log, env=environment
        )


def chosen_runs(grid: Grid, rows: list[str] | None, seeds: list[int] | None) -> list[tuple[Row, int]]:
    """The runs asked for, those that they wait for among them."""
    chosen = {pattern: matching(grid.rows, pattern) for pattern in rows or ()}
    unknown = sorted(pattern for pattern, names in chosen.items() if not names)
    if unknown:
        sys.exit(f'run_ablations: there are no rows {unknown}; there are {", ".join(grid.rows)}')
    wanted = {name for names in chosen.values() for name in names} or set(grid.rows)
    for name in list(wanted):
        row = grid.rows[name]
        while row.after:
            wanted.add(row.after)
            row = grid.rows[row.after]
    return [(row, seed) for row, seed in grid.runs() if row.name in wanted and (not seeds or seed in seeds)]


def run_all(
    grid: Grid, runs: list[tuple[Row, int]], out: Path, jobs: int, smoke: bool, launch: Callable = start
) -> dict[str, str]:
    """Runs what is not done yet, ``jobs`` at once; of each run that failed, why.

    ``launch`` starts the run of a prepared folder and returns a process.
    """
    waiting = [pair for pair in runs if not is_done(folder_of(out, *pair), identity_of(grid, *pair, smoke))]
    total, failed = len(waiting), {}
    running: dict[Path, tuple[subprocess.Popen, float, Row, int]] = {}
    while waiting or running:
        for row, seed in list(waiting):
            needed = folder_of(out, grid.rows[row.after], seed) if row.after else None
            if needed and needed.name in failed:
                waiting.remove((row, seed))
                failed[folder_of(out, row, seed).name] = f'{needed.name}, which it waits for, failed'
                continue
            ready = needed is None or is_done(needed, identity_of(grid, grid.rows[row.after or ''], seed, smoke))
            if ready and len(running) < jobs:
                waiting.remove((row, seed))
                folder = prepare(grid, row, seed, out, smoke)
                running[folder] = (launch(folder), time.monotonic(), row, seed)
                print(f'{folder.name}: started, {total - len(waiting)} of {total}', flush=True)
        for folder, (process, since, row, seed) in list(running.items()):
            minutes = (time.monotonic() - since) / 60
            if process.poll() is None and minutes <= grid.max_minutes:
                continue
            del running[folder]
            if process.poll() is None:
                process.kill()
                process.wait()
                failed[folder.name] = f'took more than {grid.max_minutes:g} minutes'
            elif not is_done(folder, identity_of(grid, row, seed, smoke)):
                failed[folder.name] = f'exit code {process.returncode}, see {folder / "log"}'
            print(f'{folder.name}: {failed.get(folder.name, "done")} after {minutes:.1f} min', flush=True)
        if running:
            time.sleep(0.02 if smoke else 1.0)
    return failed


def collect(grid: Grid, runs: list[tuple[Row, int]], out: Path, smoke: bool, target: Path) -> int:
    """Copies the records of finished runs; returns how many."""
    target.mkdir(parents=True, exist_ok=True)
    done = [pair for pair in runs if is_done(folder_of(out, *pair), identity_of(grid, *pair, smoke))]
    for row, seed in done:
        folder = folder_of(out, row, seed)
        with replaced_atomically(target / f'{folder.name}.json') as temporary:
            temporary.write_text((folder / 'run.json').read_text())
    return len(done)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs, lists or collects."""
    options = parse_options(arguments)
    if options.job is not None:
        run_job(options.job)
        return
    grid = read_grid(options.grid)
    runs = chosen_runs(grid, options.rows, options.seeds)
    if options.smoke:
        # One seed tells whether a row works.
        runs = [(row, seed) for row, seed in runs if seed == min(other for same, other in runs if same is row)]
    if options.list:
        for pair in runs:
            done = is_done(folder_of(options.out, *pair), identity_of(grid, *pair, options.smoke))
            print(f'{"done" if done else "to do":6s}{pair[0].name}-seed{pair[1]}')
        return
    failed = {} if options.collect else run_all(grid, runs, options.out, options.jobs, options.smoke)
    if options.collect:
        count = collect(grid, runs, options.out, options.smoke, options.collect)
        print(f'{count} of {len(runs)} records copied to {options.collect}')
    if failed:
        sys.exit('\n'.join([f'run_ablations: {len(failed)} runs failed', *map(': '.join, failed.items())]))


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('run_ablations: interrupted; the same command goes on')
