"""Options of the classes that configs build, and which of them a config sets."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

#: Parameters of MMEngine's own, which its modules, data sets, metrics and loops have.
COMMON = {
    'self',
    'init_cfg',
    'data_preprocessor',
    'prefix',
    'collect_device',
    'collect_dir',
    'lazy_init',
    'test_mode',
    'runner',
    'dataloader',
    'evaluator',
    'fp16',
}


class _Classes(ast.NodeVisitor):
    """Bases, constructor parameters, and what code itself hands to constructors, of all classes of a package."""

    def __init__(self) -> None:
        self.bases: dict[str, list[str]] = {}
        self.parameters: dict[str, list[str]] = {}
        self.registered: set[str] = set()
        self.from_code: dict[str, set[str]] = {}
        self.sizes: set[str] = set()
        self.built: set[str] = set()
        self._owner = ''

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = [ast.unparse(base).split('.')[-1] for base in node.bases]
        if 'Protocol' in bases:
            return
        self.bases[node.name] = bases
        starts = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == '__init__']
        names = [argument.arg for start in starts for argument in [*start.args.args, *start.args.kwonlyargs]]
        self.parameters[node.name] = [name for name in names if name not in COMMON]
        if any('register_module' in ast.unparse(decorator) for decorator in node.decorator_list):
            self.registered.add(node.name)
        self._owner = node.name
        self.generic_visit(node)
        self._owner = ''

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if not self._owner or not isinstance(node.func, ast.Name):
            return
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if node.func.id == 'build_sized':
            self.sizes |= set(given)
        elif node.func.id == 'dict' and isinstance(kind := given.get('type'), ast.Constant):
            self.from_code.setdefault(str(kind.value), set()).update(given)
        elif len(given) < len(node.keywords):  # Name(**config)
            self.built.add(node.func.id)
            self.from_code.setdefault(node.func.id, set()).update(given, self.parameters[self._owner])


def class_options(root: Path, package: str = 'slan_mm') -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The options of every configurable class by its name, and the names of every class's bases.

    Configurable are registered classes, what they inherit from, and modules of ``models`` that code builds by
    ``Name(**config)``. Options are the parameters of a class's own ``__init__``, without MMEngine's common ones and
    without what code sets: sizes, arguments by name beside ``**config``, and what the caller has as its own option.
    """
    everything, models = _Classes(), _Classes()
    for file in sorted((root / package).rglob('*.py')):
        tree = ast.parse(file.read_text(encoding='utf-8'))
        everything.visit(tree)
        if 'models' in file.relative_to(root).parts:
            models.visit(tree)
    wanted = everything.registered | models.built & set(models.parameters)
    todo = list(wanted)
    while todo:
        new = {base for base in everything.bases.get(todo.pop(), ()) if base in everything.parameters} - wanted
        wanted |= new
        todo += new
    options = {}
    for name in sorted(wanted):
        by_code = models.sizes | models.from_code.get(name, set())
        options[name] = [option for option in everything.parameters[name] if option not in by_code]
    return options, everything.bases


def settings(value: Any) -> Iterator[tuple[str, str]]:
    """(type, key) of all settings below ``value``; the type is '' where a dict has none."""
    if isinstance(value, Mapping):
        kind = value.get('type')
        name = kind.split('.')[-1] if isinstance(kind, str) else getattr(kind, '__name__', '')
        for key, item in value.items():
            yield name, str(key)
            yield from settings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from settings(item)


def grid_settings(file: Path, root: Path) -> Iterator[tuple[str, str]]:
    """What a grid of ablations sets: dotted names, whose type is looked up in the grid's base config."""
    grid = yaml.safe_load(file.read_text(encoding='utf-8'))
    base = Config.fromfile(root / grid['base'], import_custom_modules=False).to_dict()
    for options in [grid.get('options') or {}, *(row.get('options') or {} for row in grid['rows'].values())]:
        for path, value in options.items():
            *parents, key = path.split('.')
            place: Any = base
            for part in parents:
                place = next(iter(place), {}) if isinstance(place, list | tuple) else place.get(part) or {}
            yield str(place.get('type', '')) if isinstance(place, Mapping) else '', key
            yield from settings(value)


def settings_of_configs(root: Path) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """(type, key) that configs set: those outside of ``configs/ablation``, and those in it, its grids included."""
    found: tuple[set[tuple[str, str]], set[tuple[str, str]]] = (set(), set())
    for file in sorted((root / 'configs').rglob('*.py')):
        config = Config.fromfile(file, import_custom_modules=False)
        found['ablation' in file.parts].update(settings(config.to_dict()))
    for file in sorted((root / 'configs').rglob('grid*.yaml')):
        found[1].update(grid_settings(file, root))
    return found


def count_options(root: Path) -> dict[str, list[str]]:
    """Options as ``Class.option``: 'all', 'set by no config', and 'set by ablations alone'.

    A setting in a dict without a type counts for every class that has an option of this name, so that an option may
    pass for set which is not, never the other way round.
    """
    options, bases = class_options(root)
    outside, ablation = settings_of_configs(root)

    def is_set(owner: str, option: str, found: set[tuple[str, str]]) -> bool:
        return any(key == option and (not kind or owner in _ancestors(kind, bases)) for kind, key in found)

    every = [(owner, option) for owner, names in options.items() for option in names]
    plain = {pair for pair in every if is_set(*pair, outside)}
    tried = {pair for pair in every if is_set(*pair, ablation)}
    groups = {
        'all': every,
        'set by no config': [pair for pair in every if pair not in plain | tried],
        'set by ablations alone': [pair for pair in every if pair in tried - plain],
    }
    return {group: ['.'.join(pair) for pair in pairs] for group, pairs in groups.items()} | {'classes': list(options)}


def _ancestors(name: str, bases: Mapping[str, list[str]]) -> set[str]:
    return {name}.union(*(_ancestors(base, bases) for base in bases.get(name, ()) if base != name))
