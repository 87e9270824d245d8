"""Evaluates a checkpoint.

    python tools/test.py CONFIG CHECKPOINT --out work_dirs/NAME/metrics.json

writes the metrics to that file. For grounding, it also writes the boxes to ``metrics.predictions.jsonl`` next to it.
Several processes: ``bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options]``.
"""

import argparse
from pathlib import Path

from slan_mm.arguments import out_file, out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_run_options, option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description='Evaluates a checkpoint.')
    add_model(parser)
    parser.add_argument(
        '--out',
        type=option(out_file),
        metavar='FILE.json',
        help='file for the metrics; predictions are written next to it',
    )
    parser.add_argument('--show-dir', type=option(out_folder), help='folder for figures of the predictions')
    parser.add_argument(
        '--tta',
        action='store_true',
        help="use several views of each image: detection by the config's tta_model, or grounding (tested alone)",
    )
    add_run_options(parser)
    options = parser.parse_args(arguments)
    if options.out is not None and options.out.suffix != '.json':
        parser.error(f'--out: {options.out} does not end in .json')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.applied_config import without_momentum
from slan_mm.engine.launch import build_runner, config_from_options, leave_processes, set_show_dir, set_tta


@one_line_errors
def main() -> None:
    """Builds the runner from config and options, evaluates, and writes the requested files."""
    options = parse_options()
    cfg = config_from_options(options)
    cfg.load_from = options.checkpoint
    cfg.resume = False
    cfg.model = without_momentum(cfg.model)
    if options.show_dir is not None:
        set_show_dir(cfg, str(options.show_dir))
    if options.tta:
        set_tta(cfg)
    if options.out is not None:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        predictions = str(Path(options.out).with_suffix('.predictions.jsonl'))
        cfg.default_hooks = cfg.get('default_hooks') or {}
        cfg.default_hooks['predictions'] = {'type': 'PredictionFileHook', 'path': predictions}
        cfg.default_hooks['metrics_file'] = {'type': 'MetricsFileHook', 'path': str(options.out)}
    build_runner(cfg).test()
    leave_processes()


if __name__ == '__main__':
    main()
