"""The models in checkpoints/ of the tasks: they are what their records say, and answer the README's commands right."""

import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in (ROOT / 'checkpoints').glob('*/config.json'))
#: Of each task, the README's command.
COMMANDS = {
    command.split()[0]: shlex.split(command)
    for command in re.findall(r'^python tools/infer.py (.* demo/.*)$', (ROOT / 'README.md').read_text(), re.MULTILINE)
}
#: What it must say about demo/, in this order.
ANSWERS = {
    'grounding': (r'yellow square: \[\d+, \d+, \d+, \d+\]', r'green star: \[\d+, \d+, \d+, \d+\]'),
    'retrieval': (r'pink triangle and purple star', r'shapes/1.png'),
    'captioning': (
        r'0.png: .*yellow square',
        r'1.png: .*purple star',
        r'2.png: .*red diamond',
        r'3.png: .*yellow star',
    ),
    'vqa': ('what color is the triangle pink',),
    'nlvr2': (r': true \(',),
    'detection': (r'circle: \[\d+, \d+, \d+, \d+\]',),
    'video_retrieval': (r'green circle and red triangle', r'videos/1.mp4'),
}


def test_the_readme_has_a_command_for_each_task():
    assert COMMANDS.keys() == ANSWERS.keys() == set(runpy.run_path(str(ROOT / 'tools/infer.py'))['TASKS'])
    assert {command[1] for command in COMMANDS.values()} <= {f'checkpoints/{folder.name}' for folder in FOLDERS}


def test_they_are_small():
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in FOLDERS]
    assert max(sizes) <= 8e6 and sum(sizes) <= 40e6


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.name)
def test_the_record_tells_where_the_weights_are_from(folder):
    record = json.loads((folder / 'run.json').read_text())
    assert (ROOT / record['config']).is_file() and record['finished'] and record['test']
    assert not record['commit'].endswith('-changed')
    if (row := record.get('ablation', {}).get('row')) is not None:
        published = json.loads((ROOT / f'docs/runs/tasks/{row}-seed{record["seed"]}.json').read_text())
        assert record['test'] == published['test'] and record['commit'] == published['commit']
        assert f'--rows {row} ' in record['command']


@pytest.mark.parametrize('task', sorted(ANSWERS))
def test_the_readmes_command_gives_the_right_answer(task, capsys, monkeypatch):
    if task == 'video_retrieval':
        pytest.importorskip('av')
    monkeypatch.chdir(ROOT)
    runpy.run_path('tools/infer.py')['main']([*COMMANDS[task], '--device', 'cpu'])
    said = capsys.readouterr().out
    assert re.search('.*?'.join(ANSWERS[task]), said, re.DOTALL), said
