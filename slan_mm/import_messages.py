"""Leaves out what OpenMMLab's packages say at every import of optional parts that nothing here uses."""

import io
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

#: Modules that print a line when the package ``onedl``, which is not public, is not there; and the line's beginning.
_MODULES = ('mmdet.datasets', 'mmdet.datasets.transforms', 'mmpretrain.datasets')
_LINE = 'Could not import OneDL'
#: A warning of mmdet about a faster ``CocoMetric``, which no config names.
_WARNING = 'faster_coco_eval is not installed'


class _QuietLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        said = io.StringIO()
        try:
            with redirect_stdout(said):
                super().exec_module(module)
        finally:
            lines = said.getvalue().splitlines(keepends=True)
            sys.stdout.write(''.join(line for line in lines if not line.startswith(_LINE)))


class _QuietFinder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if name not in _MODULES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


def leave_out_import_messages() -> None:
    """Silences exactly these messages, in modules that are imported from now on; all else is said as before."""
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())
    warnings.filterwarnings('ignore', message=_WARNING)
