"""Measures what a command costs before it works: CPU seconds and peak memory of child processes.

    python tools/analysis/benchmark_startup.py --rounds 5

Rows: ``import torch``, ``import slan_mm``, ``--help`` of the command ``slan`` and of every Python tool, and
``tools/infer.py`` from its start to the end of one prediction of the published model. Medians of alternating rounds.
Ratios are to ``import torch`` of the same rounds, since seconds depend on what else the machine does. The system counts
this script's own memory, about 50 MB, as the least of each child's.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from PIL import Image

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import positive
from slan_mm.shipped import ROOT, TINY_MODEL

TORCH = 'import torch'


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Measures what a command costs before it works.')
    parser.add_argument('--rounds', type=positive, default=5, help='how often each command runs')
    return parser.parse_args(arguments)


def tools() -> list[Path]:
    """The Python tools that a user calls."""
    found = sorted((ROOT / 'tools').rglob('*.py'))
    return [
        path
        for path in found
        if "__name__ == '__main__'" in path.read_text() and not (path.parent / '__init__.py').exists()
    ]


def commands(picture: Path) -> dict[str, list[str]]:
    """What is measured, by name; ``picture`` is what the model is asked about."""
    helps = {f'{path.relative_to(ROOT)} --help': [str(path), '--help'] for path in tools()}
    model = [str(ROOT / part) for part in TINY_MODEL]
    return {
        TORCH: ['-c', 'import torch'],
        'import slan_mm': ['-c', 'import slan_mm'],
        'slan --help': ['-c', 'from slan_mm.cli.main import main; main(["--help"])'],
        **helps,
        'first prediction': [
            str(ROOT / 'tools' / 'infer.py'), 'grounding', *model, str(picture), '--text', 'a [red circle]'
        ],
    }  # fmt: skip


def measure(arguments: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and peak memory, in MB, of Python with ``arguments``.

    Raises:
        RuntimeError: It ends with another exit code than 0.
    """
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f'{" ".join(arguments)} ended with {child.returncode}: run it to see why')
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def table(measured: Mapping[str, Iterable[tuple[float, float]]]) -> list[str]:
    """The rows of what was ``measured``, medians."""
    medians = {name: [median(column) for column in zip(*values, strict=True)] for name, values in measured.items()}
    lines = ['| | CPU seconds | times `import torch` | peak memory, MB |', '|---|---:|---:|---:|']
    for name, (seconds, memory) in medians.items():
        lines.append(f'| `{name}` | {seconds:.2f} | {seconds / medians[TORCH][0]:.2f} | {memory:.0f} |')
    return lines


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs, measures, prints the table."""
    options = parse_options(arguments)
    measured = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / 'white.png'
        Image.new('RGB', (64, 64), 'white').save(picture)
        for _ in range(options.rounds):
            for name, command in commands(picture).items():
                measured[name].append(measure(command))
    print('\n'.join(table(measured)))


if __name__ == '__main__':
    main()
