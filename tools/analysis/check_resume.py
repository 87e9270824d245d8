"""Checks that a run killed with SIGKILL and resumed ends exactly as an uninterrupted one.

    python tools/analysis/check_resume.py configs/pretrain/slan_tiny_shapes.py --iters 30

trains twice for that many iterations: straight through, and with kills (SIGKILL, from outside) at random iterations,
each followed by ``--resume auto``. Then it compares, bit by bit, every logged loss and diagnostic of every iteration,
and the final weights and buffers. It also says what a resume costs: loading the checkpoint and the first batch (beyond
imports and building the model, which every start needs), and repeating the iterations since the last checkpoint.
Exit code: 0 when all is equal and no resume cost more than ``--max-seconds``.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from slan_mm.arguments import out_folder, real, whole
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('--iters', type=positive, default=30, help='iterations of each run')
    parser.add_argument('--interval', type=positive, default=5, help='iterations between checkpoints')
    parser.add_argument('--kills', type=option(whole(0)), default=3, help='how often the second run is killed')
    parser.add_argument('--seed', type=option(whole(0)), default=0, help='of the iterations at which it is killed')
    parser.add_argument('--max-seconds', type=option(real(0, above=True)), default=10.0, help='what a resume may cost')
    parser.add_argument(
        '--work-dir',
        type=option(out_folder),
        default=Path('work_dirs/check_resume'),
        help='earlier runs in it are removed first',
    )
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch

from slan_mm.config import read_config
from slan_mm.engine.checkpoint_io import load_from_file
from slan_mm.own_files import start_afresh

ROOT = Path(__file__).resolve().parents[2]
#: Logged values that measure time.
TIMED = ('time', 'data_time', 'samples_per_second', 'memory')


def write_config(options: argparse.Namespace, work_dir: Path) -> Path:
    """The config with its length, checkpoints and timeline set, and without validation, as a file in ``work_dir``."""
    cfg = read_config(options.config, options.cfg_options)
    cfg.train_cfg.update(max_iters=options.iters, max_epochs=None)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.update(interval=options.interval, by_epoch=False)
    cfg.default_hooks.timeline = dict(type='TimelineHook', path=str(work_dir / 'timeline.jsonl'))
    work_dir.mkdir(parents=True)
    cfg.dump(work_dir / 'config.py')
    return work_dir / 'config.py'


def start(config: Path, log: Path) -> subprocess.Popen:
    """Starts ``tools/train.py --resume auto`` on ``config``; its output goes to ``log``."""
    command = [sys.executable, 'tools/train.py', str(config), '--work-dir', str(config.parent), '--resume', 'auto']
    with log.open('a') as file:
        return subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)


def events(work_dir: Path) -> list[dict]:
    """The timeline so far; a last line that is being written is left out."""
    path = work_dir / 'timeline.jsonl'
    lines = path.read_text().split('\n')[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def kill_at(process: subprocess.Popen, work_dir: Path, iteration: int, delay: float) -> int:
    """Kills the process ``delay`` seconds after it has done ``iteration``. Returns the iterations done by then."""
    before = len(events(work_dir))
    while process.poll() is None:
        done = [event['iter'] for event in events(work_dir)[before:] if event['event'] == 'iter']
        if done and done[-1] >= iteration:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
        time.sleep(0.005)
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f'the run ended by itself (code {process.returncode}) before iteration {iteration}; see log')
    return [event['iter'] for event in events(work_dir) if event['event'] == 'iter'][-1]


def finish(process: subprocess.Popen, log: Path) -> None:
    """Waits for a run that is to end well.

    Raises:
        RuntimeError: if it does not.
    """
    if process.wait() != 0:
        tail = '\n'.join(log.read_text().splitlines()[-15:])
        raise RuntimeError(f'training failed, see {log}:\n{tail}')


def resume_costs(timeline: list[dict], killed: list[int]) -> list[tuple[int, float, float]]:
    """For each resume: the iteration it began at, seconds to load all it needs, seconds to catch up with the kill."""
    costs = []
    starts = [place for place, event in enumerate(timeline) if event['event'] == 'built'][1:]
    for begin, behind in zip(starts, killed, strict=True):
        run = timeline[begin:]
        first = next(event for event in run if event['event'] == 'data')
        caught_up = next((event['time'] for event in run if event['event'] == 'iter' and event['iter'] >= behind), None)
        redone = 0.0 if first['iter'] >= behind or caught_up is None else caught_up - first['time']
        costs.append((first['iter'], first['time'] - run[0]['time'], redone))
    return costs


def differences(straight: dict, resumed: dict) -> list[str]:
    """A line for each logged value and each tensor that is not the same to the bit; [] if all are."""
    found = []
    logs = [checkpoint['message_hub']['log_scalars'] for checkpoint in (straight, resumed)]
    names = [name for name in logs[0] if name.startswith('train/') and not name.endswith(TIMED)]
    if not any('loss' in name for name in names):
        found.append('no losses were logged')
    for name in names:
        a, b = (log[name]['values'] if name in log else torch.zeros(0) for log in logs)
        if a.shape != b.shape:
            found.append(f'{name}: {len(a)} values and {len(b)}')
        elif not torch.equal(a.nan_to_num(nan=1e38), b.nan_to_num(nan=1e38)):
            first = int((a != b).nonzero()[0])
            found.append(f'{name}: differs from iteration {first + 1} on, {a[first]} and {b[first]}')
    for name, value in straight['state_dict'].items():
        other = resumed['state_dict'].get(name)
        if other is None or not torch.equal(value, other):
            found.append(f'{name}: not the same at the end')
    return found


@one_line_errors
def main() -> int:
    """Trains, kills, resumes, compares; returns the exit code."""
    options = parse_options()
    work = options.work_dir.resolve()
    start_afresh(work, ['straight', 'straight.log', 'killed', 'killed.log'], 'runs')
    draws = random.Random(options.seed)
    targets = sorted(draws.sample(range(options.interval, options.iters), options.kills))

    config = write_config(options, work / 'straight')
    print(f'training {options.iters} iterations straight through', flush=True)
    finish(start(config, work / 'straight.log'), work / 'straight.log')

    config, log, killed = write_config(options, work / 'killed'), work / 'killed.log', []
    for target in targets:
        done = kill_at(start(config, log), config.parent, target, draws.uniform(0, 0.3))
        killed.append(done)
        print(f'killed after iteration {done}; resuming', flush=True)
    finish(start(config, log), log)

    wrong = differences(
        *(load_from_file(str(work / name / f'iter_{options.iters}.pth')) for name in ('straight', 'killed'))
    )
    slowest = 0.0
    for (begin, loading, redone), behind in zip(resume_costs(events(config.parent), killed), killed, strict=True):
        slowest = max(slowest, loading + redone)
        print(
            f'resumed at {begin} after a kill behind {behind}: {loading:.1f} s to load, '
            f'{redone:.1f} s to repeat {max(behind - begin, 0)} iterations'
        )
    print('\n'.join(wrong) if wrong else f'identical to the bit: all losses of {options.iters} iterations, all weights')
    print(f'slowest resume: {slowest:.1f} s (allowed: {options.max_seconds:g})')
    return int(bool(wrong) or slowest > options.max_seconds)


if __name__ == '__main__':
    sys.exit(main())
