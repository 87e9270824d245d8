"""Trains a model.

One process, with or without a GPU:   python tools/train.py configs/pretrain/slan_tiny_shapes.py
Continue after an interruption:       ... --resume auto
Several processes:                    bash tools/dist_train.sh CONFIG PROCESSES [options]
"""

import argparse

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_run_options


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Trains a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument(
        '--compile', action='store_true', help='compile the locator with torch.compile, see docs/export.md'
    )
    parser.add_argument('--auto-scale-lr', action='store_true', help='adapt the learning rate to the batch size')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT|auto',
        help='continue from this checkpoint; auto or no value: from the newest complete one in the work directory',
    )
    add_run_options(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.engine.launch import (
    build_runner,
    config_from_options,
    enable_amp,
    enable_auto_scale_lr,
    enable_compile,
    leave_processes,
    set_resume,
)


@one_line_errors
def main() -> None:
    """Builds the runner from config and options, and trains."""
    options = parse_options()
    cfg = config_from_options(options)
    if options.amp:
        enable_amp(cfg)
    if options.compile:
        enable_compile(cfg)
    if options.auto_scale_lr:
        enable_auto_scale_lr(cfg)
    set_resume(cfg, options.resume)
    build_runner(cfg).train()
    leave_processes()


if __name__ == '__main__':
    main()
