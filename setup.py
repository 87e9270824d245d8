"""Installation of ``slan_mm``; versions are pinned in ``requirements/`` and read from there."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """The requirement lines of ``requirements/<name>.txt``, with ``-r`` lines followed."""
    lines: list[str] = []
    for raw in (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines():
        line = raw.split('#')[0].strip()
        if line.startswith('-r '):
            lines += requirements(line[3:].strip().removesuffix('.txt'))
        elif line:
            lines.append(line)
    return lines


def version() -> str:
    """``__version__``, read without importing the package, whose dependencies may not be there yet."""
    scope: dict[str, str] = {}
    exec((ROOT / 'slan_mm' / 'version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='slan_mm',
    version=version(),
    description='SLAN (Self-Locator Aided Network) on OpenMMLab: words find their regions from image-text pairs alone',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['slan_mm', 'slan_mm.*']),
    python_requires='>=3.10,<3.13',
    install_requires=requirements('mminstall') + requirements('runtime'),
    extras_require={'optional': requirements('optional'), 'tests': requirements('tests')},
)
