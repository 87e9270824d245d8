"""Who imports whom in ``slan_mm``: the floors of the package, imports that do not lead downward, and circles."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

#: The floors, lowest first: folders and single files of ``slan_mm``. What stands on one floor is independent of its
#: neighbours; only the modules of the lowest one, which are single files, may import each other.
FLOORS = (
    'answer_list applied_config arguments atomic_files config environment extras file_endings folder_config '
    'folder_lock home_folder import_messages malloc mirror model_folder own_files pair_index plain_text progress '
    'quick_imports registry shipped structures tagged_words text_files version weights_file',
    'datasets models',
    'feature_store',
    'evaluation',
    'engine visualization',
    'apis cli',
    'app pseudo_labels',
)
#: The lowest floor of older trees had this one too; a part that is in no list lies above all.
FORMER = 'files'
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts.split()} | {FORMER: 0}


def is_downward(source: str, target: str) -> bool:
    """Whether module ``source`` may import module ``target``."""
    one, other = (name.split('.')[1] for name in (source, target))
    low, high = FLOOR.get(other, len(FLOORS)), FLOOR.get(one, len(FLOORS))
    return one == other or high > low or high == low == 0


def read_modules(root: Path) -> dict[str, ast.Module]:
    """The parsed modules of ``root/slan_mm``, relative imports made absolute; a package has the name of its folder.

    What is imported from a package that has a stub is imported from the module that the stub names: packages import
    their modules when they are asked for a name (``lazy_loader``).
    """
    modules = dict(_parsed(root, '*.py'))
    homes = {
        (package, alias.name): node.module or package
        for package, tree in _parsed(root, '__init__.pyi')
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: _Homes(homes).visit(tree) for name, tree in modules.items()}


class _Homes(ast.NodeTransformer):
    """Each name is imported from its home: the module that the stub of a package takes it from."""

    def __init__(self, homes: Mapping[tuple[str, str], str]) -> None:
        self.homes = homes

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """One statement for each of the names."""
        return [ast.ImportFrom(self.home(node.module or '', alias.name), [alias], 0) for alias in node.names]

    def home(self, module: str, name: str) -> str:
        """Where ``name`` of ``module`` is defined, through stubs of packages in packages."""
        return self.home(self.homes[module, name], name) if (module, name) in self.homes else module


def _parsed(root: Path, pattern: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((root / 'slan_mm').rglob(pattern)):
        place = path.relative_to(root).with_suffix('').parts
        tree = ast.parse(path.read_text(encoding='utf-8'))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                node.module = '.'.join([*place[: -node.level], *filter(None, [node.module])])
                node.level = 0
        yield '.'.join(place).removesuffix('.__init__'), tree


def is_type_checking(node: ast.AST) -> bool:
    """Whether ``node`` is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith('TYPE_CHECKING')


def read_imports(node: ast.AST, modules: Mapping[str, ast.Module], at_import: bool) -> Iterator[str]:
    """The modules of ``slan_mm`` that ``node`` imports.

    With ``at_import`` those that run when the file is imported; without it also those in functions and for types.
    """
    for child in ast.iter_child_nodes(node):
        names: list[str] = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            names = [f'{child.module}.{alias.name}' for alias in child.names]
            names = [name if name in modules else child.module or '' for name in names]
        yield from (name for name in names if name.split('.')[0] == 'slan_mm')
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(child)
        if not (at_import and later):
            yield from read_imports(child, modules, at_import)


def upward_imports(modules: Mapping[str, ast.Module]) -> list[str]:
    """All imports that do not lead downward, those in functions and for types among them."""
    return [
        f'{source} imports {target}'
        for source, tree in modules.items()
        for target in sorted(set(read_imports(tree, modules, at_import=False)))
        if '.' in source and '.' in target and not is_downward(source, target)
    ]


def import_circles(modules: Mapping[str, ast.Module]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others, while they are imported.

    A module's packages are imported before it; those that the importing module is in are there already.
    """
    graph: dict[str, set[str]] = {}
    for source, tree in modules.items():
        targets = set(read_imports(tree, modules, at_import=True)) & set(modules)
        packages = {target[:end] for target in targets for end, letter in enumerate(target) if letter == '.'}
        graph[source] = targets | {package for package in packages if not f'{source}.'.startswith(f'{package}.')}

    def reached_from(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = graph.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return seen

    reached = {name: reached_from(name) for name in graph}
    circles: list[list[str]] = []
    for name in sorted(graph):
        group = sorted(other for other in reached[name] if name in reached.get(other, ()))
        if group and group not in circles:
            circles.append(group)
    return circles
