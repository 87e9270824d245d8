"""Counts of files: lines, branches, configs, pages."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

#: The files that every step of the model passes, by the names of this tree and of older ones; those of the last line
#: lay in ``locator`` and ``objectives`` once.
CORE = (
    *('models/base.py', 'models/spine.py', 'models/slan.py', 'models/locator', 'models/objectives'),
    *('models/image/vision_decoder.py', 'models/image/affinity_smoothing.py', 'models/dist.py', 'pair_index.py'),
)
#: Lines of a block that is looked for twice.
BLOCK = 6


def lines(files: Iterable[Path]) -> list[int]:
    """The number of lines of each file."""
    return [len(file.read_text(encoding='utf-8').splitlines()) for file in files]


def core_files(package: Path) -> list[Path]:
    """The files of ``CORE`` that are there."""
    places = [package / place for place in CORE]
    return [
        file
        for place in places
        for file in (sorted(place.rglob('*.py')) if place.is_dir() else [place])
        if file.is_file()
    ]


def branches(files: Iterable[Path]) -> int:
    """How many ``if``, ``elif`` and conditional expressions stand in ``files``."""
    trees = (ast.parse(file.read_text(encoding='utf-8')) for file in files)
    return sum(isinstance(node, ast.If | ast.IfExp) for tree in trees for node in ast.walk(tree))


def repeated_blocks(files: Iterable[Path]) -> int:
    """How many blocks of six lines stand at more than one place of ``files``.

    A block is any six lines that follow each other; indentation, empty lines, comments and docstrings do not count. A
    passage of eight lines that stands twice is three such blocks.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for file in files:
        text = file.read_text(encoding='utf-8')
        body = ast.parse(text).body
        first = body[0].end_lineno or 0 if body and ast.get_docstring(ast.parse(text)) is not None else 0
        code = [line.strip() for line in text.splitlines()[first:]]
        code = [line for line in code if line and not line.startswith('#')]
        seen.update(tuple(code[start : start + BLOCK]) for start in range(len(code) - BLOCK + 1))
    return sum(count > 1 for count in seen.values())


def config_depth(file: Path) -> int:
    """How many files deep a config is: 1 without ``_base_``, one more than its deepest base otherwise.

    A base of another project, as ``mmdet::...``, is one file.
    """
    bases: list[str] = []
    for node in ast.parse(file.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            value = ast.literal_eval(node.value)
            bases = [value] if isinstance(value, str) else list(value)
    return 1 + max((1 if '::' in base else config_depth((file.parent / base).resolve()) for base in bases), default=0)


def pages(root: Path) -> dict[str, int]:
    """Words of README.md, CONTRIBUTING.md and each page of docs/, without what stands in fences and comments."""
    files = [root / 'README.md', root / 'CONTRIBUTING.md', *sorted((root / 'docs').rglob('*.md'))]
    texts = {file.relative_to(root).as_posix(): file.read_text(encoding='utf-8') for file in files if file.is_file()}
    return {
        name: len(re.sub(r'<!--.*?-->|^```.*?^```', ' ', text, flags=re.DOTALL | re.MULTILINE).split())
        for name, text in texts.items()
    }
