"""What ``pyproject.toml`` cannot say: the extras, from the table that messages read too, and what goes into ``.mim``.

A wheel has configs, tools and the model index in ``slan_mm/.mim``, where ``mim`` and MMEngine look for them, and the
published weights.
"""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PARTS = runpy.run_path(str(ROOT / 'slan_mm' / 'shipped.py'))['PARTS']
EXTRAS = runpy.run_path(str(ROOT / 'slan_mm' / 'extras.py'))['EXTRAS']
packages = {
    name: [package + versions for package, versions in extra.packages.items()] for name, extra in EXTRAS.items()
}


def leave_out(folder: str, names: list[str]) -> list[str]:
    """What ``.mim`` lacks: links too, since a wheel would hold a second copy of what they lead to."""
    unwanted = shutil.ignore_patterns('__pycache__', '*.pth')(folder, names)
    return [name for name in names if name in unwanted or (Path(folder) / name).is_symlink()]


class BuildWithMim(build_py):
    """Copies ``PARTS`` into the build; an editable installation reads them from the checkout."""

    def run(self) -> None:
        """See the class."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'slan_mm' / '.mim'
        shutil.rmtree(target, ignore_errors=True)
        for part in PARTS:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, target / part, ignore=leave_out)
            else:
                shutil.copy2(ROOT / part, target / part)


setup(
    cmdclass={'build_py': BuildWithMim},
    extras_require={**packages, 'all': [line for lines in packages.values() for line in lines]},
)
