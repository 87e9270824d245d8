"""Checks that several ranks train as one does on the same global batch.

    python tools/analysis/check_ranks.py configs/pretrain/slan_tiny_shapes.py --iters 5

trains a few iterations in one process with the config's batch size, then in ``--ranks`` processes (gloo without a GPU)
with their share of it, and compares every logged loss. Sums are taken in another order, so the losses agree to
rounding, not to the bit. Exit code: 0 when no loss differs by more than ``--tolerance``, relative to its size.
"""

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

from slan_mm.arguments import out_folder, real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('--iters', type=positive, default=5, help='iterations of each run')
    parser.add_argument('--ranks', type=positive, default=2, help='processes of the second run')
    parser.add_argument('--tolerance', type=option(real(0)), default=1e-3, help='relative difference that is rounding')
    parser.add_argument(
        '--work-dir',
        type=option(out_folder),
        default=Path('work_dirs/check_ranks'),
        help='earlier runs in it are removed first',
    )
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds


from slan_mm.config import read_config
from slan_mm.engine.checkpoint_io import load_from_file
from slan_mm.own_files import start_afresh

ROOT = Path(__file__).resolve().parents[2]


def write_config(options: argparse.Namespace, work_dir: Path, ranks: int) -> Path:
    """The config for ``ranks`` processes, as a file in ``work_dir``.

    Raises:
        ValueError: if the batch cannot be shared evenly.
    """
    cfg = read_config(options.config, options.cfg_options)
    batch_size = cfg.train_dataloader.batch_size
    if batch_size % ranks:
        raise ValueError(f'a batch of {batch_size} cannot be shared by {ranks} ranks')
    cfg.train_dataloader.batch_size = batch_size // ranks
    cfg.train_cfg.update(max_iters=options.iters, max_epochs=None)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.rank_mean = dict(type='RankMeanHook')
    work_dir.mkdir(parents=True)
    cfg.dump(work_dir / 'config.py')
    return work_dir / 'config.py'


def train(config: Path, ranks: int) -> dict[str, list[float]]:
    """Trains in ``ranks`` processes; returns every logged loss and the gradient norm, by iteration.

    Raises:
        RuntimeError: if training fails.
    """
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        port = listener.getsockname()[1]
    environment = {**os.environ, 'PYTHON': sys.executable, 'PORT': str(port)}
    environment.setdefault('OMP_NUM_THREADS', '1')
    tool = ['bash', 'tools/dist_train.sh', str(config), str(ranks)]
    if ranks == 1:
        tool = [sys.executable, 'tools/train.py', str(config)]
    log = config.with_name('log')
    with log.open('w') as file:
        command = [*tool, '--work-dir', str(config.parent)]
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        raise RuntimeError(f'training in {ranks} ranks failed, see {log}:\n' + log.read_text()[-3000:])
    scalars = load_from_file(str(config.parent))['message_hub']['log_scalars']
    return {
        key.removeprefix('train/'): scalar['values'].tolist()
        for key, scalar in scalars.items()
        if key.startswith('train/') and ('loss' in key or key.endswith('grad_norm'))
    }


@one_line_errors
def main() -> int:
    """Trains both ways and compares; returns the exit code."""
    options = parse_options()
    work = options.work_dir.resolve()
    start_afresh(work, ['one', 'several'], 'runs')
    one = train(write_config(options, work / 'one', 1), 1)
    print(f'one process: {options.iters} iterations done', flush=True)
    several = train(write_config(options, work / 'several', options.ranks), options.ranks)
    print(f'{options.ranks} processes: {options.iters} iterations done')
    if one.keys() != several.keys():
        print(f'the losses are not the same ones: {sorted(one)} and {sorted(several)}')
        return 1
    worst = 0.0
    print(f'{"":24} {"largest difference":>20} {"relative":>12}   first iteration, one and {options.ranks}')
    for name in sorted(one):
        pairs = list(zip(one[name], several[name], strict=True))
        largest = max(abs(a - b) for a, b in pairs)
        relative = max(abs(a - b) / max(abs(a), abs(b), 1e-6) for a, b in pairs)
        worst = max(worst, relative)
        print(f'{name:24} {largest:20.3e} {relative:12.3e}   {pairs[0][0]:.6f} {pairs[0][1]:.6f}')
    print(f'largest relative difference: {worst:.3e} (allowed: {options.tolerance:g})')
    return int(not worst <= options.tolerance)


if __name__ == '__main__':
    sys.exit(main())
