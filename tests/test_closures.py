"""Inner functions of slan_mm and the tools do not call themselves.

Such a function and its own name are a reference cycle. All that it sees, tensors of a batch or an open file, then stays
until Python's garbage collector comes by, which is not for many batches.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ('slan_mm', 'tools') for path in (ROOT / folder).rglob('*.py'))


def calling_themselves(source):
    """(line, name) of each inner function whose own name is in it."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inner = {
        node
        for outer in ast.walk(ast.parse(source))
        if isinstance(outer, functions)
        for node in ast.walk(outer)
        if node is not outer and isinstance(node, functions)
    }
    names = {node: {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} for node in inner}
    return sorted((node.lineno, node.name) for node in inner if node.name in names[node])


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_inner_function_calls_itself(path):
    assert calling_themselves(path.read_text()) == [], 'make it a function of the module'


def test_inner_functions_that_call_themselves_are_found():
    source = 'def a():\n    a()\n    def b(c):\n        return b(c)\n    def d():\n        return a\n'
    assert calling_themselves(source) == [(3, 'b')]
