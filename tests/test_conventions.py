"""What tests keep to."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
#: Functions that take an attribute's name.
BY_NAME = {'setattr', 'getattr', 'hasattr', 'delattr', 'object'}


def private(name):
    return name.startswith('_') and not name.startswith('__')


#: Names with an underscore that a library documents.
DOCUMENTED = {'_exit'}


def private_names(source):
    """(line, name) of each attribute, import and attribute given by name that begins with one underscore."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [part for alias in node.names for part in alias.name.split('.')]
            names += (getattr(node, 'module', None) or '').split('.')
        elif isinstance(node, ast.Call):
            called = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            names = [str(text).rpartition('.')[2] for text in texts if called in BY_NAME]
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            # A tool that runpy has run is a dict; keys of a config in a string subscript are MMEngine's words.
            names = [str(node.slice.value)] if getattr(node.value, 'id', '') == 'tool' else []
        yield from ((node.lineno, name) for name in names if private(name) and name not in DOCUMENTED)


@pytest.mark.parametrize('path', sorted(TESTS.rglob('*.py')), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_names_what_is_private(path):
    """Neither of slan_mm and the tools nor of a library: what a test needs has a public name or a public effect."""
    assert list(private_names(path.read_text())) == []


def test_what_is_private_is_found():
    source = "from a import _b\nimport c._d\nx._e\nm.setattr(x, '_f', 1)\nm.setattr('a.b._g', 1)\ntool['_h']\n"
    assert [name for _, name in private_names(source)] == ['_b', '_d', '_e', '_f', '_g', '_h']
    assert list(private_names("x.__init__, x.y, __import__('z')\nd['_base_']\n_local = 1\n")) == []


#: What a process that has no tests to run need not wait for: that of pytest -n 2 reads every conftest.py, and starts
#: the others after that.
LIGHT = {'json', 'os', 'pathlib', 'numpy', 'PIL', 'pytest'}


def top_imports(source):
    """Names of the modules that are imported when the file is, not in a function."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize(
    'path', sorted(TESTS.rglob('conftest.py')), ids=lambda path: str(path.relative_to(TESTS).parent)
)
def test_the_process_that_hands_out_tests_imports_nothing_large(path):
    names = set(top_imports(path.read_text()))
    assert {name for name in names if name.split('.')[0] not in LIGHT} <= {'support.garbage'}


def test_large_imports_are_found():
    source = 'import a.b\nfrom torch import nn\ndef f():\n    import c\n'
    assert list(top_imports(source)) == ['a.b', 'torch']
