"""``--help`` of every tool and script prints help and does nothing else; a mistake is told before anything is done."""

import os
import re
import runpy
import subprocess
from pathlib import Path

import pytest
from support.tools import call_tools

ROOT = Path(__file__).parents[2]
#: What a user calls: not the parts that several tools share, nor those that lie in packages.
PYTHON = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / 'tools').rglob('*.py')
    if "__name__ == '__main__'" in path.read_text() and not (path.parent / '__init__.py').is_file()
)
SHELL = sorted(path.relative_to(ROOT) for path in (ROOT / 'tools').glob('[!_]*.sh'))
# None of these is needed to read options, and each takes seconds.
HEAVY = {'torch', 'mmcv', 'mmdet', 'mmpretrain', 'transformers', 'timm', 'matplotlib', 'scipy', 'mmengine.runner'}


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob('*') if '__pycache__' not in path.parts}


#: What a script would begin its work with. --help and mistakes need none of it.
WORKERS = ('python', 'python3', 'pip', 'curl', 'wget', 'git', 'torchrun', 'srun', 'sbatch', 'timeout')


@pytest.fixture(scope='module')
def no_work(tmp_path_factory):
    """A folder of commands that fail, so that a script that goes past its options installs and fetches nothing."""
    folder = tmp_path_factory.mktemp('no_work')
    for name in WORKERS:
        (folder / name).write_text('#!/bin/sh\necho "$0 is called: work has begun" >&2\nexit 97\n')
        (folder / name).chmod(0o755)
    return folder


def environment_of(folder):
    """Python is found; what a command made, it would make in ``folder``."""
    return {
        **os.environ,
        'PYTHONPATH': str(ROOT),
        'SLAN_VENV': str(folder / 'venv'),
        'SLAN_WEIGHTS': str(folder / 'weights'),
        'HOME': str(folder),
        'TMPDIR': str(folder),
        'PYTHONDONTWRITEBYTECODE': '1',
    }


def call(command, folder, no_work):
    """Runs it in a folder of its own, where it cannot work. Fails if it has written there."""
    before = state(ROOT / 'tools')
    environment = environment_of(folder)
    environment |= {'PATH': f'{no_work}{os.pathsep}{environment["PATH"]}', 'SLAN_PYTHON': str(no_work / 'python')}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert not list(folder.iterdir()), 'nothing is written'
    assert state(ROOT / 'tools') == before
    assert not (ROOT / 'venv').exists()
    return done


@pytest.fixture(scope='module')
def calls(tmp_path_factory):
    """Every Python tool with ``--help`` and with an unknown option, by tool and option, in a folder of its own."""
    base, before = tmp_path_factory.mktemp('calls'), state(ROOT / 'tools')
    names = [(tool, option) for tool in PYTHON for option in ('--help', '--no-such-option')]
    folders = [base / f'folder{number}' for number in range(len(names))]
    for folder in (*folders, base / 'said', base / 'home'):
        folder.mkdir()
    commands = [(ROOT / tool, option) for tool, option in names]
    done = call_tools(commands, folders, base / 'said', environment_of(base / 'home'))
    assert state(ROOT / 'tools') == before and not list((base / 'home').iterdir())
    return {name: (call, folder) for name, call, folder in zip(names, done, folders, strict=True)}


@pytest.mark.parametrize('tool', PYTHON, ids=str)
def test_python_tools_help_without_heavy_imports(tool, calls):
    done, folder = calls[tool, '--help']
    assert done.returncode == 0
    assert done.stdout.startswith(f'usage: {tool.stem}')
    assert 'argparse' in done.imported and not HEAVY & done.imported
    assert not list(folder.iterdir()), 'nothing is written'


@pytest.mark.parametrize('tool', PYTHON, ids=str)
def test_python_tools_refuse_unknown_options(tool, calls):
    done, folder = calls[tool, '--no-such-option']
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith('usage: ') and ': error: ' in done.stderr
    assert not list(folder.iterdir()), 'nothing is written'


@pytest.mark.parametrize('arguments', [['--help'], ['-h'], ['CONFIG', '2', '--help']], ids=' '.join)
@pytest.mark.parametrize('script', SHELL, ids=str)
def test_scripts_help_by_their_head_comment(script, arguments, tmp_path, no_work):
    done = call(['bash', ROOT / script, *arguments], tmp_path, no_work)
    assert done.returncode == 0 and not done.stderr
    assert f'bash {script}' in done.stdout and '#' not in done.stdout and 'set -e' not in done.stdout


@pytest.mark.parametrize('script', SHELL, ids=str)
def test_scripts_refuse_unknown_options(script, tmp_path, no_work):
    done = call(['bash', ROOT / script, *['--no-such-option'] * 4], tmp_path, no_work)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr == f'{script.stem}: unknown option --no-such-option; see: bash {script} --help\n'


def test_a_script_that_goes_past_its_options_installs_nothing(tmp_path, no_work):
    """What keeps the tests above from doing so when they fail."""
    done = call(['bash', ROOT / 'tools/setup_env.sh'], tmp_path, no_work)
    assert done.returncode != 0 and 'work has begun' in done.stderr


@pytest.mark.parametrize('script', ['dist_train', 'dist_test', 'slurm_train', 'slurm_test'])
def test_launchers_say_how_many_arguments_they_need(script, tmp_path, no_work):
    done = call(['bash', ROOT / 'tools' / f'{script}.sh', 'x'], tmp_path, no_work)
    assert done.returncode == 2 and re.match(rf'{script}: needs \d arguments, 1 are given; see: ', done.stderr)


def test_what_options_name_without_the_library_is_what_the_library_has():
    infer, visualize = (runpy.run_path(str(ROOT / 'tools' / f'{name}.py')) for name in ('infer', 'visualize'))
    tasks = infer['INFERENCERS']
    assert sorted(tasks) == sorted(infer['TASKS'])
    assert {name for name, kind in tasks.items() if not kind.takes_text} == set(infer['TAKE_NO_TEXT'])
    assert tuple(visualize['FIGURES']) == visualize['OF_ONE_LOOK']
