"""Writes the metrics of a test to a file."""

import json
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from slan_mm.atomic_files import replaced_atomically
from slan_mm.registry import HOOKS


@HOOKS.register_module()
class MetricsFileHook(Hook):
    """Writes a test's metrics as a json object, as soon as they are there; ``tools/test.py --out`` adds it.

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
            with replaced_atomically(self.path) as temporary:
                temporary.write_text(json.dumps(metrics or {}, indent=2, sort_keys=True, default=float) + '\n')
