"""Packages that some tasks alone need: each is asked for before work begins, with the line that installs it."""

import ast
import re
import runpy
import sys
from importlib import metadata
from pathlib import Path

import pytest
from torch import nn

from slan_mm.apis import SLANInferencer
from slan_mm.apis.lance_index import LanceIndex
from slan_mm.datasets.readers.parquet_shards import extract_parquet
from slan_mm.datasets.transforms.load_image import load_image
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.datasets.video import load_frames
from slan_mm.extras import EXTRAS, PARTLY_NEEDED, require_extra
from slan_mm.models.lora import add_lora
from slan_mm.registry import DATASETS, METRICS, TRANSFORMS

ROOT = Path(__file__).parents[1]
EXPORT = str(ROOT / 'tools' / 'model_converters' / 'slan_to_onnx.py')
APP = str(ROOT / 'tools' / 'app.py')
#: Of each extra, what begins work that needs it. No file named here is there: nothing is read before the extra is seen.
BEGINNINGS = [
    ('video', lambda: TRANSFORMS.build(dict(type='LoadVideo'))),
    ('video', lambda: load_frames('film.mp4', range)),
    ('video', lambda: SLANInferencer('video_retrieval', 'config.py', 'weights.pth')),
    ('heic', lambda: load_image('a.heic', b'\0\0\0\x18ftypheic')),
    ('shards', lambda: DATASETS.build(dict(type='WebPairDataset', urls='{00..09}.tar'))),
    ('captions', lambda: METRICS.build(dict(type='CaptionMetric'))),
    ('parquet', lambda: extract_parquet(Path('shards'), Path('pictures'), Path('rows.jsonl'))),
    ('lora', lambda: add_lora(nn.Linear(1, 1), dict(r=1), 'text.encoder')),
    ('export', lambda: runpy.run_path(EXPORT)['main'](['config.py', 'weights.pth', 'out'])),
    ('lancedb', lambda: LanceIndex('index')),
    ('app', lambda: runpy.run_path(APP)['main'](['config.py', 'weights.pth'])),
]


def pinned(name):
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line.split('==')[0] for line in lines if '==' in line]


@pytest.mark.parametrize(('extra', 'begin'), BEGINNINGS)
def test_a_missing_package_is_asked_for_before_work_begins(extra, begin, monkeypatch):
    for package in EXTRAS[extra].packages:
        monkeypatch.setitem(sys.modules, package, None)
    # A tool ends with the line alone.
    with pytest.raises((ModuleNotFoundError, SystemExit, UnreadableImageError)) as raised:
        begin()
    packages = [f'{package}{versions}' for package, versions in EXTRAS[extra].packages.items()]
    line = f'{sys.executable} -m pip install ' + ' '.join(f"'{package}'" for package in packages)
    assert str(raised.value).endswith(f'Install: {line}')
    said = re.sub('^(slan_to_onnx|app|Cannot read image .*?): ', '', str(raised.value))
    assert said.startswith(f'{", ".join(EXTRAS[extra].packages)} not installed')


def test_every_extra_has_a_beginning():
    assert {extra for extra, _ in BEGINNINGS} == set(EXTRAS)


def test_only_what_is_missing_is_named(monkeypatch):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(ModuleNotFoundError, match='^onnxscript not installed'):
        require_extra('export')


def test_tables_name_the_pinned_packages():
    assert [package for extra in EXTRAS.values() for package in extra.packages] == pinned('extras')
    assert PARTLY_NEEDED.keys() <= {*pinned('build'), *pinned('mminstall'), *pinned('runtime')}


@pytest.mark.parametrize('text', [*PARTLY_NEEDED.values(), *(extra.needed_by for extra in EXTRAS.values())])
def test_commands_in_messages_are_there(text):
    for path in re.findall(r'(?:tools|configs)/[\w./*-]*', text):
        assert list(ROOT.glob(path)), path


def imports(path):
    """(module, whether it is imported with the file) of every import in a Python file."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        for name in names:
            yield name.split('.')[0], id(node) not in inside


def test_every_import_is_of_a_required_package_or_of_an_extra():
    packages = metadata.packages_distributions()
    required = {*pinned('build'), *pinned('mminstall'), *pinned('runtime')}
    # mkdocs runs tools/site, where requirements/tests.txt is installed.
    tools = [path for path in (ROOT / 'tools').rglob('*.py') if path.parent.name != 'site']
    files = [*(ROOT / 'slan_mm').rglob('*.py'), *tools]
    # A tool's neighbours: files, and folders of them.
    own = {'slan_mm', *(name for path in tools for name in (path.stem, path.parent.name))}
    seen, wrong = set(), []
    for path in files:
        for module, with_the_file in imports(path):
            if module in own or module in sys.stdlib_module_names:
                continue
            distributions = {name.lower() for name in packages.get(module, [module])}
            seen |= distributions
            allowed = required if with_the_file else required | set(pinned('extras'))
            if not distributions & allowed:
                wrong.append(f'{path.relative_to(ROOT)}: {module}')
    assert not wrong
    assert {'timm', 'faiss-cpu', 'textblob', 'onedl-mmcv', 'av'} <= seen
