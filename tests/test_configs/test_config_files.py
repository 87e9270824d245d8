"""What config files say and how they are built: a command, what to expect, nothing twice, a short way to the base."""

import ast
import json
import re
from collections import Counter
from pathlib import Path
from statistics import mean

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob('configs/**/*.py'))
CONFIGS = [path for path in FILES if '_base_' not in path.parts and path.name != 'default_runtime.py']
NAMES = {path.stem for path in CONFIGS}
each_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')


def docstring(path):
    return ast.get_docstring(ast.parse(path.read_text())) or ''


def bases(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            found = ast.literal_eval(node.value)
            # Files of mmdet stand in its package.
            return [path.parent / base for base in ([found] if isinstance(found, str) else found) if '::' not in base]
    return []


def depth(path):
    """The number of files below a config, along the longest way."""
    return max((1 + depth(base) for base in bases(path)), default=0)


def code_lines(path):
    """Lines of code, without docstring, comments and empty lines."""
    tree = ast.parse(path.read_text())
    start = tree.body[0].end_lineno if ast.get_docstring(tree) is not None else 0
    lines = [line.strip() for line in path.read_text().splitlines()[start:]]
    return [line for line in lines if line and not line.startswith('#')]


@each_config
def test_says_its_command_and_what_to_expect(path):
    text = docstring(path)
    assert path.relative_to(ROOT).as_posix() in text, 'the docstring has no command with the config'
    expected = re.search(r'^Expected: .*', text, re.MULTILINE | re.DOTALL)
    assert expected, "no line of the docstring begins with 'Expected: '"
    places = re.findall(r'docs/[\w/-]+(?:\.md)?', expected[0])
    assert places or re.search(r'not measured\s+here', expected[0])
    assert all((ROOT / place).exists() for place in places)


@each_config
def test_expected_metrics_are_those_of_the_records(path):
    text = docstring(path).partition('Expected: ')[2]
    folder = re.search(r'docs/runs/[\w-]+', text)
    metrics = {name: float(value) for name, value in re.findall(r'``(\w+/\w+)``\s+([\d.]+\d)', text)}
    assert bool(folder) == bool(metrics)
    records = [json.loads(file.read_text())['test'] for file in (ROOT / folder[0]).glob('*.json')] if folder else []
    for name, value in metrics.items():
        assert mean(record[name] for record in records) == pytest.approx(value, abs=0.051), name


@each_config
def test_checkpoints_in_commands_are_what_trainings_write(path):
    """A test takes the folder of a training: a name such as last.pth or iter_N.pth is a file that nothing writes."""
    text = path.read_text()
    assert not re.search(r'\b(last|latest|iter_\w+|epoch_\w+)\.pth', text)
    for command in re.findall(r'^ +.*tools/(?:dist_)?test\.(?:py|sh) .*(?:\\\n.*)?', docstring(path), re.MULTILINE):
        for folder in re.findall(r'work_dirs/([\w.-]+)', command):
            assert folder in NAMES, command


@each_config
def test_inherits_at_most_three_files_deep(path):
    assert depth(path) <= 3


def test_no_six_lines_stand_twice():
    blocks = Counter()
    for path in FILES:
        lines = code_lines(path)
        blocks.update(tuple(lines[start : start + 6]) for start in range(len(lines) - 5))
    assert not [block for block, count in blocks.items() if count > 1]


def test_every_base_is_used_and_is_documented():
    used = {base.resolve() for path in FILES for base in bases(path)}
    unused = {path.name for path in FILES if '_base_' in path.parts and path not in used}
    # COCO's captions at the size of pre-training: a base for your own config, see docs/data.md.
    assert unused == {'coco.py'}
    assert all(docstring(path) for path in FILES if path.name != 'default_runtime.py')


def test_no_config_changes_its_base_in_place():
    """``_base_.x.pop(...)`` and the like act at a distance; ``_delete_`` and None say in the result what is gone."""
    for path in FILES:
        assert not re.search(
            r'_base_[\w.\[\]\']*\.(pop|update|clear)\(|^_base_\.[^=]*=[^=]', path.read_text(), re.MULTILINE
        )
