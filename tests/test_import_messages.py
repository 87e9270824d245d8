"""Nothing greets a command but what it has to say itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ('apis', 'datasets', 'engine', 'evaluation', 'models', 'visualization')


def run(code):
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout, done.stderr


def test_importing_everything_says_nothing_of_parts_that_nothing_uses():
    out, err = run(
        '; '.join(f'from slan_mm.{part} import *' for part in PARTS) + '; import mmdet.datasets, mmdet.evaluation'
    )
    assert out == ''
    assert 'OneDL' not in err and 'faster_coco_eval' not in err


def test_other_messages_of_the_same_modules_are_heard(tmp_path):
    package = tmp_path / 'mmdet'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'datasets.py').write_text("print('Could not import OneDL. Skipping.')\nprint('something new')\n")
    out, _ = run(f'import sys; sys.path.insert(0, {str(tmp_path)!r}); import slan_mm, mmdet.datasets')
    assert out == 'something new\n'
