"""Says what is installed, what works, what is missing and how to get it.

    python tools/doctor.py

Needs nothing but Python itself, so that it also runs where the installation has gone wrong. It exits with 1 when
something that training or evaluation needs is missing or does not work.
"""

import argparse
import importlib
import platform
import re
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / 'requirements'
sys.path.insert(0, str(ROOT))
from slan_mm.extras import EXTRAS, INSTALLERS, PARTLY_NEEDED, install_line, missing_packages


def pins(name: str, folder: Path = REQUIREMENTS) -> dict[str, str]:
    """Package names and pinned versions in ``requirements/<name>.txt``; '' where no version is pinned."""
    found = {}
    for line in (folder / f'{name}.txt').read_text().splitlines():
        match = re.match(r'([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;#]+))?', line.split('#')[0].strip())
        if match and not line.startswith('-'):
            found[match[1]] = match[2] or ''
    return found


def installed_version(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def describe_package(package: str, pinned: str) -> tuple[bool, str]:
    """Whether the package is there, and a line on its version beside the pinned one."""
    version = installed_version(package)
    if version is None:
        return False, f'{package}: MISSING (pinned: {pinned or "any"})'
    # A build tag (2.10.0+cpu) is the same version.
    other = bool(pinned) and version.split('+')[0] != pinned
    return True, f'{package}: {version}' + (
        f'  (pinned: {pinned}; this one is not what the tests ran with)' if other else ''
    )


def attempt(what: str, probe: Callable[[], str]) -> tuple[bool, str]:
    """Runs ``probe``; a failure of any kind becomes a line, not an end."""
    try:
        return True, f'{what}: {probe()}'
    except Exception as error:
        return (
            False,
            f'{what}: DOES NOT WORK ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ""})',
        )


def mmcv_operators() -> str:
    """Runs one compiled operator of mmcv, because an import alone may succeed without ``mmcv._ext``."""
    importlib.import_module('mmcv._ext')
    torch = importlib.import_module('torch')
    ops = importlib.import_module('mmcv.ops')
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    _, kept = ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)
    if kept.tolist() != [0, 2]:
        raise RuntimeError(f'nms keeps {kept.tolist()} instead of [0, 2]')
    return 'works (nms on the CPU)'


def cuda() -> str:
    """What GPU there is, after a small computation on it."""
    torch = importlib.import_module('torch')
    if not torch.cuda.is_available():
        return 'none; training and evaluation run on the CPU'
    value = float((torch.ones(4, device='cuda') * 2).sum())
    if value != 8:
        raise RuntimeError(f'a sum of 8 came out as {value}')
    names = ', '.join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return f'works: {names} (CUDA {torch.version.cuda})'


def import_of(module: str) -> Callable[[], str]:
    """A probe that imports ``module``."""

    def probe() -> str:
        importlib.import_module(module)
        return 'can be imported'

    return probe


def report() -> tuple[list[str], list[str]]:
    """Lines to print, and what is wrong with what is needed."""
    lines = [f'Python: {platform.python_version()} ({sys.executable})', f'system: {platform.platform()}']
    wrong: list[str] = []
    not_needed_now: list[str] = []
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        wrong.append(f'Python {platform.python_version()}: slan_mm needs 3.10, 3.11 or 3.12')
    compiler = shutil.which('c++') or shutil.which('g++')
    lines.append(f'C++ compiler: {compiler or "none (only needed to compile mmcv)"}')

    lines += ['', 'Needed:']
    for group in ('build', 'mminstall', 'runtime'):
        for package, pinned in pins(group).items():
            there, line = describe_package(package, pinned)
            if not there:
                line += f' - needed by {PARTLY_NEEDED.get(package, "everything")}'
                (not_needed_now if package in INSTALLERS else wrong).append(line)
            lines.append(f'  {line}')

    lines += ['', 'Does it work?']
    probes = [('mmcv._ext', mmcv_operators), ('CUDA', cuda)]
    probes += [(name, import_of(name)) for name in ('mmdet', 'mmpretrain', 'slan_mm.engine')]
    for what, probe in probes:
        works, line = attempt(what, probe)
        lines.append(f'  {line}')
        if not works:
            wrong.append(line)
        if what == 'mmcv._ext' and not works:
            wrong += not_needed_now

    lines += ['', 'Extras, for some tasks alone:']
    pinned_extras = pins('extras')
    for name, extra in EXTRAS.items():
        lines.append(f'  {name}: {extra.needed_by}')
        lines += [f'    {describe_package(package, pinned_extras[package])[1]}' for package in extra.packages]
        if missing_packages(name):
            lines.append(f'    get it: {install_line(name)}')
    return lines, wrong


def advice(root: Path = ROOT, requirements: Path = REQUIREMENTS) -> str:
    """The command that installs what is missing: in a checkout the script, in an installed wheel pip."""
    if root.name != '.mim':
        return 'bash tools/setup_env.sh installs what is missing (mmcv._ext: it is compiled if it has to be).'
    pip = f'{sys.executable} -m pip'
    others = ' '.join(f'-r {requirements / name}.txt' for name in ('mminstall', 'runtime'))
    return (
        'This installs what is missing, and compiles mmcv if it has to be:\n'
        f'  {pip} install -r {requirements}/build.txt\n'
        f'  MMCV_WITH_OPS=1 {pip} install --no-build-isolation {others}\n'
        f'Where mmcv._ext does not work, first: {pip} uninstall onedl-mmcv'
    )


def main() -> int:
    """Prints the report; returns the exit code."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    lines, wrong = report()
    print('\n'.join(lines))
    if wrong:
        print('\nMissing or broken:')
        print('\n'.join(f'  {line}' for line in wrong))
        print(f'\n{advice()}')
        return 1
    print('\nAll that training and evaluation need is there and works.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
