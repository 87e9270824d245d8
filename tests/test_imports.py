"""Imports of ``slan_mm`` lead downward: a file needs nothing that is built upon it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from inspecting.imports import FLOORS, import_circles, read_imports, read_modules, upward_imports

ROOT = Path(__file__).parents[1]
#: Parts of other libraries that only some configs need; each takes about a second.
SELDOM = {'mmdet.datasets', 'mmdet.evaluation', 'mmpretrain.datasets', 'imgaug', 'faiss', 'av', 'tensorboard', 'scipy'}


@pytest.fixture(scope='module')
def modules():
    return read_modules(ROOT)


def test_every_part_has_a_floor(modules):
    assert {name.split('.')[1] for name in modules if '.' in name} == set(' '.join(FLOORS).split())


def test_imports_lead_downward(modules):
    assert upward_imports(modules) == []


def test_imports_name_their_module_in_full():
    files = (ROOT / 'slan_mm').rglob('*.py')
    assert not [file for file in files if re.search(r'^\s*from \.', file.read_text(), re.MULTILINE)]


def test_no_modules_import_each_other(modules):
    assert import_circles(modules) == []


def test_what_is_wrong_is_found(tmp_path):
    sources = {
        'models/a.py': 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from slan_mm.apis import x',
        'models/b.py': 'def f():\n    from slan_mm import datasets\nfrom slan_mm.models import c',
        'models/c.py': 'import slan_mm.models.b',
        'datasets/__init__.py': '',
        'apis/__init__.py': 'from ..models.b import f',
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
    assert import_circles(found) == [['slan_mm.models.b', 'slan_mm.models.c']]


def test_a_circle_through_the_package_is_found(tmp_path):
    folder = tmp_path / 'slan_mm' / 'models'
    folder.mkdir(parents=True)
    (folder / '__init__.py').write_text('from slan_mm.models.a import f\nfrom slan_mm.models.b import g')
    (folder / 'a.py').write_text('from slan_mm.models import b\nf = 1')
    (folder / 'b.py').write_text('g = 1')
    assert import_circles(read_modules(tmp_path)) == []
    (folder / 'a.py').write_text('from slan_mm.models import g\nf = 1')
    assert import_circles(read_modules(tmp_path)) == [['slan_mm.models', 'slan_mm.models.a']]


def test_a_circle_through_a_stub_is_found(tmp_path):
    folder = tmp_path / 'slan_mm' / 'models'
    (folder / 'text').mkdir(parents=True)
    (folder / '__init__.py').write_text('')
    (folder / '__init__.pyi').write_text('from .text import f')
    (folder / 'text' / '__init__.py').write_text('')
    (folder / 'text' / '__init__.pyi').write_text('from .a import f')
    (folder / 'text' / 'a.py').write_text('from slan_mm.models import b\nf = 1')
    (folder / 'b.py').write_text('from slan_mm.models import f')
    assert import_circles(read_modules(tmp_path)) == [['slan_mm.models.b', 'slan_mm.models.text.a']]


def test_packages_import_their_modules_when_a_name_is_asked_for():
    code = """if True:
        import sys, slan_mm
        assert not {'mmengine', 'numpy', 'torch'} & set(sys.modules)
        import slan_mm.apis, slan_mm.datasets.shapes, slan_mm.evaluation.metrics, slan_mm.models.text
        import slan_mm.registry, slan_mm.visualization
        assert not {'torch', 'transformers', 'mmcv', 'mmdet', 'mmpretrain', 'matplotlib'} & set(sys.modules)
        slan_mm.apis.nothing
    """
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == 'AttributeError: No slan_mm.apis attribute nothing'


def test_an_inferencer_imports_nothing_that_only_some_configs_need(modules):
    todo, reached = ['slan_mm.apis.inferencer', 'slan_mm.models.slan', 'slan_mm.models.text.encoder'], set()
    while todo:
        name = todo.pop()
        if name in modules and name not in reached:
            reached.add(name)
            todo += [*read_imports(modules[name], modules, at_import=True), name.rpartition('.')[0]]
    assert 'slan_mm.datasets' in reached
    found = {
        f'{name} imports {module}'
        for name in reached
        for node in modules[name].body
        for module in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, 'module', '')]
        )
        if any(f'{module}.'.startswith(f'{seldom}.') for seldom in SELDOM)
    }
    assert not found


def test_a_folder_of_a_model_needs_no_seldom_packages():
    """Its types are looked up in the registries of MMDetection, some of which import all of it."""
    code = f"""if True:
        import sys
        from slan_mm.config import read_config
        read_config({str(ROOT / 'checkpoints' / 'slan_tiny_shapes_long')!r})
        found = {{'mmdet.datasets', 'mmdet.engine', 'imgaug', 'faiss', 'tensorboard'}} & set(sys.modules)
        assert not found, found
    """
    subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True)
