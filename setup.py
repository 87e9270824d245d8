"""The extras, from the table that messages read as well; everything else stands in ``pyproject.toml``."""

import runpy
from pathlib import Path

from setuptools import setup

EXTRAS = runpy.run_path(str(Path(__file__).parent / 'slan_mm' / 'extras.py'))['EXTRAS']
packages = {
    name: [package + versions for package, versions in extra.packages.items()] for name, extra in EXTRAS.items()
}
setup(extras_require={**packages, 'all': [line for lines in packages.values() for line in lines]})
