"""Imports of ``slan_mm`` lead downward: a file needs nothing that is built upon it."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: The floors, lowest first. What stands on one floor is independent of its neighbours; only the modules of the lowest
#: one, which are single files, may import each other.
FLOORS = (
    'answer_list atomic_files config environment extras import_messages pair_index registry structures version',
    'datasets models',
    'feature_store',
    'evaluation',
    'engine visualization',
    'apis cli',
)
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts.split()}


def is_downward(source: str, target: str) -> bool:
    """Whether module ``source`` may import module ``target``."""
    one, other = (name.split('.')[1] for name in (source, target))
    return one == other or FLOOR[one] > FLOOR[other] or FLOOR[one] == FLOOR[other] == 0


def read_modules(root: Path) -> dict[str, ast.Module]:
    """The parsed modules of ``root/slan_mm``; a package has the name of its folder."""
    modules = {}
    for path in (root / 'slan_mm').rglob('*.py'):
        name = '.'.join(path.relative_to(root).with_suffix('').parts).removesuffix('.__init__')
        modules[name] = ast.parse(path.read_text(encoding='utf-8'))
    return modules


def is_type_checking(node: ast.AST) -> bool:
    """Whether ``node`` is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith('TYPE_CHECKING')


def read_imports(node: ast.AST, modules: dict, at_import: bool) -> Iterator[str]:
    """The modules of ``slan_mm`` that ``node`` imports.

    With ``at_import`` those that run when the file is imported; without it also those in functions and for types.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f'{ast.unparse(child)}: imports name their module in full'
            names = [f'{child.module}.{alias.name}' for alias in child.names]
            names = [name if name in modules else child.module for name in names]
        else:
            names = []
        yield from (name for name in names if name.split('.')[0] == 'slan_mm')
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(child)
        if not (at_import and later):
            yield from read_imports(child, modules, at_import)


def upward_imports(modules: dict[str, ast.Module]) -> list[str]:
    """All imports that do not lead downward, those in functions and for types among them."""
    return [
        f'{source} imports {target}'
        for source, tree in modules.items()
        for target in sorted(set(read_imports(tree, modules, at_import=False)))
        if '.' in source and '.' in target and not is_downward(source, target)
    ]


def find_circle(modules: dict[str, ast.Module]) -> list[str]:
    """Modules that import each other while they are imported; empty where there are none.

    A module's packages are imported before it; those that the importing module is in are there already.
    """
    graph = {}
    for source, tree in modules.items():
        targets = set(read_imports(tree, modules, at_import=True))
        packages = {target[:end] for target in targets for end, letter in enumerate(target) if letter == '.'}
        graph[source] = targets | {package for package in packages if not f'{source}.'.startswith(f'{package}.')}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.fixture(scope='module')
def modules():
    return read_modules(ROOT)


def test_every_part_has_a_floor(modules):
    assert {name.split('.')[1] for name in modules if '.' in name} == set(FLOOR)


def test_imports_lead_downward(modules):
    assert upward_imports(modules) == []


def test_no_modules_import_each_other(modules):
    assert find_circle(modules) == []


def test_what_is_wrong_is_found(tmp_path):
    sources = {
        'models/a.py': 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from slan_mm.apis import x',
        'models/b.py': 'def f():\n    from slan_mm import datasets\nfrom slan_mm.models import c',
        'models/c.py': 'import slan_mm.models.b',
        'datasets/__init__.py': '',
        'apis/__init__.py': 'from slan_mm.models.b import f',
    }
    for name, text in sources.items():
        path = tmp_path / 'slan_mm' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = read_modules(tmp_path)
    assert sorted(upward_imports(found)) == [
        'slan_mm.models.a imports slan_mm.apis',
        'slan_mm.models.b imports slan_mm.datasets',
    ]
    assert set(find_circle(found)) == {'slan_mm.models.b', 'slan_mm.models.c'}


def test_a_circle_through_the_package_is_found(tmp_path):
    folder = tmp_path / 'slan_mm' / 'models'
    folder.mkdir(parents=True)
    (folder / '__init__.py').write_text('from slan_mm.models.a import f\nfrom slan_mm.models.b import g')
    (folder / 'a.py').write_text('from slan_mm.models import b\nf = 1')
    (folder / 'b.py').write_text('g = 1')
    assert find_circle(read_modules(tmp_path)) == []
    (folder / 'a.py').write_text('from slan_mm.models import g\nf = 1')
    assert set(find_circle(read_modules(tmp_path))) == {'slan_mm.models', 'slan_mm.models.a'}
