"""Who imports whom in ``slan_mm``: the floors of the package, imports upward, and circles."""

import ast
from collections.abc import Mapping
from pathlib import Path

#: The floors, lowest first, by the first part of a module's name below ``slan_mm``. A module imports from its own
#: room and from the floors below, not from another room of its floor. The lowest floor is one room.
FLOORS: tuple[tuple[str, ...], ...] = (
    ('version', 'extras', 'atomic_files', 'registry', 'structures', 'pair_index', 'config', 'import_messages', 'cli'),
    ('datasets', 'models'),
    ('feature_store',),
    ('evaluation',),
    ('engine', 'visualization'),
    ('apis',),
)
#: What a room may not import although it lies below.
FORBIDDEN = {('feature_store', 'models')}
#: Names of older trees that lay on the lowest floor.
FORMER = ('files',)


def module_name(file: Path, root: Path) -> str:
    """``slan_mm/models/__init__.py`` is ``slan_mm.models``."""
    return '.'.join(file.relative_to(root).with_suffix('').parts).removesuffix('.__init__')


def import_graph(root: Path, package: str = 'slan_mm') -> dict[str, set[str]]:
    """For each module of ``root/package`` the modules of the package that it imports.

    Imports inside of functions and under ``TYPE_CHECKING`` count as well.
    """
    files = {module_name(file, root): file for file in sorted((root / package).rglob('*.py'))}
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        found = set()
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ''
                if node.level:  # `from . import x`: counted from the package that the file lies in
                    here = name.split('.') if file.name == '__init__.py' else name.split('.')[:-1]
                    base = '.'.join([*here[: len(here) - node.level + 1], *filter(None, [base])])
                # `from package import module` names a module, all other names are of the package itself.
                inner = {f'{base}.{alias.name}' for alias in node.names}
                found |= inner & set(files)
                if inner - set(files):
                    found.add(base)
        graph[name] = {target for target in found if target in files and target != name}
    return graph


def upward_imports(graph: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Imports (module, imported module) that lead upward, or into another room of the same floor."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms} | dict.fromkeys(FORMER, 0)
    found = []
    for name, targets in sorted(graph.items()):
        for target in sorted(targets):
            rooms = [[*module.split('.'), ''][1] for module in (name, target)]
            if '' in rooms or rooms[0] == rooms[1]:
                continue
            own, other = (floor.get(room, len(FLOORS)) for room in rooms)
            if other > own or (other == own > 0) or tuple(rooms) in FORBIDDEN:
                found.append((name, target))
    return found


def import_circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or by way of others (strongly connected components)."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = graph[todo.pop()] - seen
            seen |= new
            todo += new
        return seen

    reached = {name: reach(name) for name in graph}
    circles: list[list[str]] = []
    for name in sorted(graph):
        group = sorted(other for other in reached[name] if name in reached[other])
        if group and group not in circles:
            circles.append(group)
    return circles
