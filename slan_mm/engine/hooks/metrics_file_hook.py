"""Writes the metrics of a test to a file."""

import json
import math
from numbers import Real
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from slan_mm.atomic_files import replaced_atomically
from slan_mm.registry import HOOKS


@HOOKS.register_module()
class MetricsFileHook(Hook):
    """Writes a test's metrics as a json object, as soon as they are there; ``tools/test.py --out`` adds it.

    What has no value, as of a class that the test lacks, is null.

    Args:
        path: The file.
    """

    # Before all others: what they do, and what may fail, comes after hours of evaluation.
    priority = 'HIGHEST'

    def __init__(self, path: str) -> None:
        self.path = path

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        if is_main_process():
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            told = {name: None if _is_none(value) else value for name, value in (metrics or {}).items()}
            with replaced_atomically(self.path) as temporary:
                temporary.write_text(json.dumps(told, indent=2, sort_keys=True, default=float) + '\n')


def _is_none(value: Any) -> bool:
    return isinstance(value, Real) and not math.isfinite(value)
