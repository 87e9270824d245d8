"""The command ``slan``: runs a file of ``tools/``, from any folder.

    slan infer grounding configs/pretrain/slan_tiny_shapes_long.py checkpoints/slan_tiny_shapes_long.safetensors \\
        dog.jpg --text 'a [dog]'

is ``python tools/infer.py ...``. Every ``tools/*.py`` is a command; there is no list of them. The package's own files,
``configs/...`` and ``checkpoints/...``, are found also where the current folder has none of that name.
"""

import ast
import runpy
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from slan_mm.shipped import ROOT, find_shipped
from slan_mm.version import __version__

TOOLS = ROOT / 'tools'


def commands(folder: Path | None = None) -> dict[str, Path]:
    """The commands and their files, by name: ``pseudo-label`` is ``pseudo_label.py``."""
    return {path.stem.replace('_', '-'): path for path in sorted((folder or TOOLS).glob('[!_]*.py'))}


def summary(tool: Path) -> str:
    """The first line of a tool's docstring."""
    return (ast.get_docstring(ast.parse(tool.read_text(encoding='utf-8'))) or '').partition('\n')[0]


def usage(known: dict[str, Path]) -> str:
    """What ``slan --help`` prints."""
    width = max(map(len, known))
    lines = [f'  {name:{width}}  {summary(path)}' for name, path in known.items()]
    return '\n'.join(['usage: slan COMMAND [options]', '', *lines, '', 'slan COMMAND --help tells more of each.'])


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the tool that the first of ``arguments`` names, with the others, as Python runs a file.

    Raises:
        SystemExit: There is no such command; or what the tool ends with.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    known = commands()
    if not given or given[0] in ('-h', '--help'):
        print(usage(known))
        return
    name = given[0].replace('_', '-')
    if name == '--version':
        print(f'slan_mm {__version__}')
        return
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f'is {near[0]!r} meant?' if near else f'there are {", ".join(known)}'
        print(f'slan: there is no command {given[0]!r}: {hint}', file=sys.stderr)
        sys.exit(2)
    tool = known[name]
    sys.argv = [str(tool), *map(find_shipped, given[1:])]
    # Where Python looks first when it runs a file.
    sys.path.insert(0, str(tool.parent))
    runpy.run_path(str(tool), run_name='__main__')
