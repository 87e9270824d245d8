"""The losses of a config's first iterations, to compare with those of a known good version.

    python tools/analysis/golden_losses.py CONFIG tests/assets/golden_slan_tiny_shapes.json

writes the file again. A change that should not change numbers leaves the file as it was; any other shows the new file.
"""

import argparse
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('target', type=option(out_file), help='json file to write')
    parser.add_argument('--iterations', type=positive, default=20)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from slan_mm.engine.runner import ResumableRunner
from slan_mm.engine.start_losses import start_losses


class EnoughError(Exception):
    """Ends a run that has shown what it was asked for."""


class GoldenHook(Hook):
    """Keeps the losses of every iteration and ends the run after ``iterations``; the schedule stays the whole run's."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.losses: list[dict[str, float]] = []

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        self.losses.append({name: float(value) for name, value in (outputs or {}).items() if 'loss' in name})
        if len(self.losses) == self.iterations:
            raise EnoughError


def golden_losses(config: str | Path, iterations: int = 20) -> list[dict[str, float]]:
    """The losses of the first ``iterations`` of ``config``, on one CPU thread, without checkpoints or validation.

    Late losses begin half way, so that all are seen.
    """
    cfg = Config.fromfile(config)
    start_losses(cfg.model, iterations // 2)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.visualizer.vis_backends = []
    cfg.log_level, cfg.launcher, cfg.resume = 'ERROR', 'none', False
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    hook = GoldenHook(iterations)
    try:
        with tempfile.TemporaryDirectory() as folder:
            cfg.work_dir = folder
            cfg.default_hooks.checkpoint = None
            runner = ResumableRunner.from_cfg(cfg)
            runner.register_hook(hook)
            with contextlib.suppress(EnoughError):
                runner.train()
    finally:
        torch.set_num_threads(threads)
    return hook.losses


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Writes the losses as json, an object an iteration."""
    options = parse_options(arguments)
    losses = golden_losses(options.config, options.iterations)
    options.target.parent.mkdir(parents=True, exist_ok=True)
    options.target.write_text('[\n' + ',\n'.join(json.dumps(line) for line in losses) + '\n]\n')
    print(f'{len(losses)} iterations written to {options.target}')


if __name__ == '__main__':
    main()
