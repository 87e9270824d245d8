"""Whether published weights still have the results of their metafile.

    python tools/test.py configs/pretrain/slan_tiny_shapes_long.py checkpoints/slan_tiny_shapes_long.safetensors \
        --out work_dirs/published/metrics.json
    python tools/analysis/compare_metrics.py checkpoints/slan_tiny_shapes_long.yml work_dirs/published/metrics.json

The metafile rounds its results to four digits, so that is how they are compared. Prints what differs or is missing, and
ends with an error then.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.text_files import read_json, read_yaml

DIGITS = 4


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Compares measured metrics with those of a metafile.')
    parser.add_argument('metafile', type=Path, help='NAME.yml next to the published weights')
    parser.add_argument('metrics', type=Path, help='file that tools/test.py --out has written')
    return parser.parse_args(arguments)


def differences(published: Mapping[str, float], measured: Mapping[str, float | None]) -> list[str]:
    """A line for each published metric that was not measured, or has another value."""
    lines = []
    for name, value in published.items():
        found = measured.get(name)
        if found is None or round(found, DIGITS) != round(value, DIGITS):
            lines.append(f'{name}: {value} in the metafile, {"not" if found is None else found} measured')
    return lines


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Prints the comparison.

    Raises:
        ValueError: The metafile has no results, or one of them differs.
    """
    options = parse_options(arguments)
    metafile = read_yaml(options.metafile)
    published = metafile.get('Results') if isinstance(metafile, dict) else None
    if not published:
        raise ValueError(f'{options.metafile} has no Results')
    lines = differences(published, read_json(options.metrics))
    if lines:
        raise ValueError(f'{len(lines)} of {len(published)} metrics of {options.metafile} differ: ' + '; '.join(lines))
    print(f'all {len(published)} metrics are those of {options.metafile}')


if __name__ == '__main__':
    main()
