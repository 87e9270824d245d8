"""What a user installs: the source distribution, and the wheel that is built from it alone."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from slan_mm.extras import EXTRAS, INSTALLERS
from slan_mm.shipped import PARTS, TINY_MODEL
from slan_mm.version import __version__

ROOT = Path(__file__).parents[1]
#: What git ignores, and what no build reads.
NO_SOURCES = ('.*', '*.egg-info', '__pycache__', 'build', 'dist', 'data', 'work_dirs', 'weights', 'docs', 'tests')


def run_backend(source, call):
    """Calls setuptools as ``python -m build`` does, but in this environment: no network."""
    code = f'import sys; from setuptools import build_meta; print(build_meta.{call})'
    done = subprocess.run([sys.executable, '-c', code], cwd=source, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope='module')
def sdist(tmp_path_factory):
    """The folder that the source distribution unpacks to."""
    folder = tmp_path_factory.mktemp('sdist')
    shutil.copytree(ROOT, folder / 'clone', symlinks=True, ignore=shutil.ignore_patterns(*NO_SOURCES))
    name = run_backend(folder / 'clone', f'build_sdist({str(folder)!r})')
    shutil.unpack_archive(folder / name, folder)
    return folder / name.removesuffix('.tar.gz')


@pytest.fixture(scope='module')
def installed(sdist):
    """The folder that the wheel, built from the source distribution, unpacks to."""
    name = run_backend(sdist, f'build_wheel({str(sdist.parent)!r})')
    with zipfile.ZipFile(sdist.parent / name) as archive:
        archive.extractall(sdist.parent / 'installed')
    return sdist.parent / 'installed'


@pytest.fixture(scope='module')
def wheel(installed):
    """The names of the files in the wheel, and its METADATA."""
    names = [path.relative_to(installed).as_posix() for path in installed.rglob('*') if path.is_file()]
    (metadata,) = installed.glob('*.dist-info/METADATA')
    return names, message_from_string(metadata.read_text())


def shipped(folder):
    """The files of what a wheel has in ``.mim``, from ``folder``."""
    files = [path for part in PARTS for path in (folder / part, *(folder / part).rglob('*')) if path.is_file()]
    files = [path for path in files if not path.is_symlink()]
    return {path.relative_to(folder).as_posix() for path in files if '__pycache__' not in path.parts}


def sources(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in (folder / 'slan_mm').rglob('*.py*')
        if path.suffix in ('.py', '.pyi')
    }


def test_the_source_distribution_has_what_an_installation_reads(sdist):
    for path in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE', 'slan_mm/py.typed', 'requirements.txt'):
        assert (sdist / path).is_file(), path
    assert {path.name for path in (sdist / 'requirements').iterdir()} == {
        path.name for path in (ROOT / 'requirements').iterdir()
    }
    assert sources(sdist) == sources(ROOT) and shipped(sdist) == shipped(ROOT)
    assert not (sdist / 'tests').exists()


def test_the_wheel_holds_the_package_and_what_comes_with_it(wheel):
    names, _ = wheel
    styles = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'slan_mm').rglob('*.css')}
    expected = {'slan_mm/py.typed', *styles, *(f'slan_mm/.mim/{name}' for name in shipped(ROOT))}
    assert {name for name in names if '.dist-info/' not in name} == sources(ROOT) | expected
    for name in ('tools/train.py', 'model-index.yml', *TINY_MODEL):
        assert f'slan_mm/.mim/{name}' in names
    assert any(name.endswith('licenses/LICENSE') for name in names)
    # Of each model once, not as the link beside its folder, too.
    weights = [path.relative_to(ROOT).as_posix() for path in ROOT.glob('checkpoints/*/model.safetensors')]
    assert {name for name in names if name.endswith('.safetensors')} == {f'slan_mm/.mim/{name}' for name in weights}


def test_the_wheel_has_every_file_that_its_code_names(installed):
    """A tool may name a file that the checkout has and a wheel cannot hold, such as a link."""
    named = set()
    for file in [*(ROOT / 'tools').glob('*.py'), *(ROOT / 'slan_mm').rglob('*.py')]:
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.split('/')[0] in PARTS:
                named.add(node.value)
    named = {name for name in named if '/' in name and ' ' not in name and (ROOT / name).exists()}
    assert named >= {*TINY_MODEL}
    assert {name for name in named if not (installed / 'slan_mm' / '.mim' / name).exists()} == set()


def test_the_wheel_brings_the_command_and_its_tools(installed, tmp_path):
    (entry_points,) = installed.glob('*.dist-info/entry_points.txt')
    assert entry_points.read_text().splitlines() == ['[console_scripts]', 'slan = slan_mm.cli.main:main']
    code = (
        'import sys; from slan_mm import cli; from slan_mm.cli.main import main, TOOLS; print(TOOLS); main(["--help"]);'
        'print(sorted({"torch", "mmengine", "numpy"} & set(sys.modules))); main(["infer", "--help"])'
    )
    environment = {**os.environ, 'PYTHONPATH': str(installed)}
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert not done.stderr
    assert done.stdout.startswith(f'{installed / "slan_mm" / ".mim" / "tools"}\nusage: slan COMMAND [options]\n')
    assert '\n[]\nusage: infer.py' in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_wheel_tells_what_it_is(wheel):
    _, metadata = wheel
    assert (metadata['Name'], metadata['Version']) == ('slan_mm', __version__)
    assert metadata['License-Expression'] == 'Apache-2.0'
    assert 'Typing :: Typed' in metadata.get_all('Classifier')
    assert set(metadata.get_all('Provides-Extra')) == {*EXTRAS, 'all'}


def test_ranges_that_the_package_asks_for_begin_with_the_pinned_versions(wheel):
    _, metadata = wheel
    asked = [Requirement(line) for line in metadata.get_all('Requires-Dist')]
    pins = {}
    for name in ('build', 'mminstall', 'runtime', 'extras'):
        text = (ROOT / 'requirements' / f'{name}.txt').read_text()
        pins |= dict(re.findall(r'^([\w.-]+)==(\S+)', text, re.MULTILINE))
    for requirement in asked:
        (lowest,) = [Version(item.version) for item in requirement.specifier if item.operator == '>=']
        assert lowest == Version(pins[requirement.name]) and lowest in requirement.specifier, requirement
    assert pins.keys() - {requirement.name for requirement in asked} == set(INSTALLERS)


@pytest.mark.parametrize('extra', EXTRAS)
def test_an_extra_brings_its_packages(wheel, extra):
    _, metadata = wheel
    asked = [Requirement(line) for line in metadata.get_all('Requires-Dist')]
    for name in (extra, 'all'):
        brought = {item.name for item in asked if item.marker and item.marker.evaluate({'extra': name})}
        assert EXTRAS[extra].packages.keys() <= brought
    assert brought == {package for item in EXTRAS.values() for package in item.packages}
