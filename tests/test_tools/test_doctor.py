"""The doctor sees what is there, and works where nothing is."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

DOCTOR = Path(__file__).parents[2] / 'tools' / 'doctor.py'


@pytest.fixture(scope='module')
def doctor():
    return runpy.run_path(str(DOCTOR))


def test_it_runs_without_any_package():
    # -S leaves site-packages out: no torch, no mmengine.
    done = subprocess.run([sys.executable, '-S', '-E', str(DOCTOR)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert 'torch: MISSING (pinned: 2.' in done.stdout
    assert 'mmcv._ext: DOES NOT WORK' in done.stdout
    # What a missing package costs.
    assert re.search(r'timm: MISSING .* needed by image encoders of timm \(tools/fetch_weights\.sh', done.stdout)
    assert re.search(r'torch: MISSING .* needed by everything', done.stdout)
    assert re.search(r"video: video files .*\n    av: MISSING .*\n    get it: .* -m pip install 'av>=", done.stdout)
    assert 'tools/setup_env.sh installs what is missing' in done.stdout


def test_it_knows_every_pinned_package(doctor):
    lines, wrong = doctor['report']()
    text = '\n'.join(lines)
    for group in ('build', 'mminstall', 'runtime', 'extras'):
        for package in doctor['pins'](group):
            assert f'  {package}: ' in text
    assert wrong == []
    assert 'mmcv._ext: works' in text


def test_what_serves_the_installation_alone_is_not_missed_where_mmcv_works(doctor, monkeypatch):
    installed = doctor['installed_version']
    names = doctor['report'].__globals__
    monkeypatch.setitem(names, 'installed_version', lambda name: None if name == 'ninja' else installed(name))
    lines, wrong = doctor['report']()
    assert wrong == [] and any('ninja: MISSING' in line for line in lines)

    def broken():
        raise RuntimeError('compiled for another torch')

    monkeypatch.setitem(names, 'mmcv_operators', broken)
    _, wrong = doctor['report']()
    assert [line.split(':')[0] for line in wrong] == ['mmcv._ext', 'ninja']


def test_advice_names_what_is_there(doctor, tmp_path):
    assert 'bash tools/setup_env.sh' in doctor['advice']()
    packaged = tmp_path / '.mim'
    text = doctor['advice'](packaged, packaged / 'requirements')
    assert 'setup_env' not in text and f'-r {packaged}/requirements/mminstall.txt -r {packaged}' in text


def test_requirement_lines_are_read(doctor, tmp_path):
    (tmp_path / 'some.txt').write_text('# a remark\n-r other.txt\nfoo-bar[extra]==1.2  # why\nbaz\n')
    assert doctor['pins']('some', tmp_path) == {'foo-bar': '1.2', 'baz': ''}


def test_another_version_is_told_and_a_build_tag_is_not_another_version(doctor, monkeypatch):
    describe = doctor['describe_package']
    monkeypatch.setitem(describe.__globals__, 'installed_version', lambda package: '1.0+cpu')
    assert describe('foo', '1.0') == (True, 'foo: 1.0+cpu')
    assert 'pinned: 1.1' in describe('foo', '1.1')[1]


def test_a_probe_that_fails_is_a_line(doctor):
    works, line = doctor['attempt']('it', lambda: 1 / 0)
    assert not works and line == 'it: DOES NOT WORK (ZeroDivisionError: division by zero)'
