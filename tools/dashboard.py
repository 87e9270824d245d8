"""Shows trainings in the browser: losses, metrics, learning rate, speed and regions over time, as one html file.

    python tools/dashboard.py work_dirs/slan_tiny_shapes
    python tools/dashboard.py work_dirs/one work_dirs/other --out both.html

It needs no server, and works while a run goes on: call it again for newer numbers. Several runs are drawn over each
other. In the place of a work directory a log may stand (``scalars.json``).
"""

import argparse
from pathlib import Path

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option
from slan_mm.home_folder import expanded


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Shows trainings in the browser, as one html file.')
    parser.add_argument('runs', nargs='+', type=Path, metavar='WORK_DIR', help='work directories, or logs of runs')
    parser.add_argument(
        '--out',
        type=option(out_file),
        metavar='FILE.html',
        help='the page (default: dashboard.html beside the first log)',
    )
    options = parser.parse_args(arguments)
    if options.out is None:
        first = options.runs[0]
        options.out = (first.parent if first.is_file() else first) / 'dashboard.html'
    if Path(options.out).suffix != '.html':
        parser.error(f'--out: {options.out} does not end in .html')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.visualization.dashboard import write_dashboard
from slan_mm.visualization.run_log import read_run


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Reads the runs and writes the page."""
    options = parse_options(arguments)
    print(write_dashboard(Path(options.out), [read_run(expanded(run)) for run in options.runs]))


if __name__ == '__main__':
    main()
