"""Files that README and the documents send a reader to are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]


@pytest.mark.parametrize('page', PAGES, ids=[page.name for page in PAGES])
def test_named_tools_and_configs_are_there(page):
    named = re.findall(r'\b(?:tools|configs)/[\w./-]+\.(?:py|sh)\b', page.read_text())
    missing = sorted({name for name in named if not (ROOT / name).is_file()})
    assert not missing


def test_the_first_screen_has_a_picture_and_the_two_commands():
    first = (ROOT / 'README.md').read_text().split('\n## ')[0]
    (picture,) = re.findall(r'!\[[^\]]+\]\(([^)]+)\)', first)
    assert (ROOT / picture).is_file()
    assert re.findall(r'^bash (\S+)', first, re.MULTILINE) == ['tools/quickstart.sh', 'tools/run_tests.sh']
