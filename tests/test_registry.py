"""Registries find a component by its name and import its module then."""

import ast
from pathlib import Path

import pytest
from mmengine.registry import Registry

from slan_mm import registry

ROOT = Path(__file__).parents[1]
REGISTRIES = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}


def registered():
    """Registry, name and module of every class and function that a decorator registers."""
    for path in sorted((ROOT / 'slan_mm').rglob('*.py')):
        module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, 'decorator_list', ()):
                said = ast.unparse(decorator)
                if said.endswith('.register_module()'):
                    yield said.split('.')[0], node.name, module
                elif '.register_module(' in said:
                    yield said.split('.')[0], ast.literal_eval(decorator.keywords[0].value), module


COMPONENTS = list(registered())


@pytest.mark.parametrize('name', sorted({name for name, _, _ in COMPONENTS}))
def test_every_component_is_found_by_its_name(name):
    one = REGISTRIES[name]
    components = [(key, module) for registry_name, key, module in COMPONENTS if registry_name == name]
    for key, module in components:
        assert one.get(key).__module__ == module
        assert one.get(f'slan_mm.{key}') is one.get(key)
    if isinstance(one, registry.LazyRegistry):
        one.load_all()
    assert {key for key, _ in components} <= set(one.module_dict)


def test_names_of_other_libraries_are_found_as_before():
    assert registry.MODELS.get('mmdet.ResNet').__module__ == 'mmdet.models.backbones.resnet'
    assert registry.MODELS.get('Nothing') is None
    with pytest.raises(TypeError, match='must be a str'):
        registry.MODELS.get(None)
