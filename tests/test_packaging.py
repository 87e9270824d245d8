"""What a user installs: the source distribution, and the wheel that is built from it alone."""

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

from slan_mm.extras import EXTRAS
from slan_mm.version import __version__

ROOT = Path(__file__).parents[1]
#: What git ignores, and what no build reads.
NO_SOURCES = ('.*', '*.egg-info', '__pycache__', 'build', 'dist', 'data', 'work_dirs', 'weights', 'checkpoints')


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
    shutil.copytree(ROOT, folder / 'clone', ignore=shutil.ignore_patterns(*NO_SOURCES))
    name = run_backend(folder / 'clone', f'build_sdist({str(folder)!r})')
    shutil.unpack_archive(folder / name, folder)
    return folder / name.removesuffix('.tar.gz')


@pytest.fixture(scope='module')
def wheel(sdist):
    """The names of the files in the wheel that is built from the source distribution, and its METADATA."""
    name = run_backend(sdist, f'build_wheel({str(sdist.parent)!r})')
    with zipfile.ZipFile(sdist.parent / name) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith('.dist-info/METADATA')]
        return names, message_from_string(archive.read(metadata).decode())


def sources(folder):
    return {path.relative_to(folder).as_posix() for path in (folder / 'slan_mm').rglob('*.py')}


def test_the_source_distribution_has_what_an_installation_reads(sdist):
    for path in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE', 'slan_mm/py.typed', 'requirements.txt'):
        assert (sdist / path).is_file(), path
    assert {path.name for path in (sdist / 'requirements').iterdir()} == {
        path.name for path in (ROOT / 'requirements').iterdir()
    }
    assert sources(sdist) == sources(ROOT)
    assert not (sdist / 'tests').exists()


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names, _ = wheel
    assert {name for name in names if '.dist-info/' not in name} == sources(ROOT) | {'slan_mm/py.typed'}
    assert any(name.endswith('licenses/LICENSE') for name in names)


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
    # These serve the installation alone.
    assert pins.keys() - {requirement.name for requirement in asked} == {'setuptools', 'wheel', 'ninja', 'click'}


@pytest.mark.parametrize('extra', EXTRAS)
def test_an_extra_brings_its_packages(wheel, extra):
    _, metadata = wheel
    asked = [Requirement(line) for line in metadata.get_all('Requires-Dist')]
    for name in (extra, 'all'):
        brought = {item.name for item in asked if item.marker and item.marker.evaluate({'extra': name})}
        assert EXTRAS[extra].packages.keys() <= brought
    assert brought == {package for item in EXTRAS.values() for package in item.packages}
