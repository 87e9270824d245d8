"""Results files as evaluation servers take them: a json list."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from slan_mm.atomic_files import replaced_atomically

_NUMBER = re.compile(r'0|[1-9]\d*')


def as_id(identifier: str, prefix: str = '') -> int | str:
    """An id as a server knows it: without our ``prefix``, and a number if it is written as one."""
    identifier = identifier.removeprefix(prefix)
    return int(identifier) if _NUMBER.fullmatch(identifier) else identifier


def write_results(path: str, rows: list[dict[str, Any]]) -> None:
    """Writes ``rows`` and logs where."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(path) as temporary:
        temporary.write_text(json.dumps(rows, ensure_ascii=False) + '\n', encoding='utf-8')
    print_log(f'{len(rows)} results: {path}', 'current')
