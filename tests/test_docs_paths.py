"""Files that README and the documents send a reader to are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').rglob('*.md'))]


@pytest.mark.parametrize('page', PAGES, ids=[page.name for page in PAGES])
def test_named_tools_and_configs_are_there(page):
    named = re.findall(r'\b(?:tools|configs)/[\w./-]+\.(?:py|sh)\b', page.read_text())
    missing = sorted({name for name in named if not (ROOT / name).is_file()})
    assert not missing


@pytest.mark.parametrize('page', ['CONTRIBUTING.md', 'docs/design.md'])
def test_named_places_of_the_repository_are_there(page):
    named = re.findall(r'`((?:slan_mm|tests|tools|configs|docs)/[\w./-]*)`', (ROOT / page).read_text())
    assert len(named) > 5
    assert not sorted({name for name in named if not (ROOT / name).exists()})


@pytest.mark.parametrize('page', PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'```.*?```', '', text, flags=re.DOTALL)):
        path, _, anchor = target.partition('#')
        if ':' in path:  # another site
            continue
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), target
        if anchor and goal.suffix == '.md':
            heads = re.findall(r'^#+ (.+)$', goal.read_text(), re.MULTILINE)
            names = {re.sub(r'[^\w\s-]', '', head.lower()).replace(' ', '-') for head in heads}
            assert anchor in names | set(re.findall(r'<a id="([^"]+)">', goal.read_text())), target


@pytest.mark.parametrize(
    'page', [page for page in PAGES if page.is_relative_to(ROOT / 'docs')], ids=lambda page: page.name
)
def test_pages_of_the_site_link_to_pages_that_it_has(page):
    # tools/site/hooks.py puts these two of the root into the site.
    beside = {ROOT / 'CONTRIBUTING.md', ROOT / 'SECURITY.md'}
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL)
    goals = {(page.parent / path).resolve() for path in re.findall(r'\]\(([^)\s:#]+\.md)[)#]', text)}
    assert not sorted(goal for goal in goals - beside if not goal.is_relative_to(ROOT / 'docs'))


def test_the_first_screen_has_a_picture_and_the_two_commands():
    first = (ROOT / 'README.md').read_text().split('\n## ')[0]
    (picture,) = re.findall(r'!\[[^\]]+\]\(([^)]+)\)', first)
    assert (ROOT / picture).is_file()
    assert re.findall(r'^bash (\S+)', first, re.MULTILINE) == ['tools/quickstart.sh', 'tools/run_tests.sh']


#: How commands and Python say where to write.
OUTPUT = re.compile(
    r"(?:--out|--out-dir|--show-dir|--work-dir|out_file_path|outfile_prefix|\w+_out_dir|out_dir)[ =]'?([^\s',\]}]+)"
)


@pytest.mark.parametrize('page', PAGES, ids=[page.name for page in PAGES])
def test_what_a_documented_command_writes_is_ignored_by_git(page):
    for block in re.findall(r'^```(?:bash|python)\n(.*?)^```', page.read_text(), re.MULTILINE | re.DOTALL):
        for place in OUTPUT.findall(block):
            assert place.startswith(('work_dirs/', 'data/')), f'{place} in\n{block}'


def test_what_configs_write_is_ignored_by_git():
    places = [
        place
        for path in (ROOT / 'configs').rglob('*.py')
        for place in re.findall(r"(?:outfile_prefix|out_file_path|out_file|work_dir)='([^']+)'", path.read_text())
    ]
    assert len(places) > 3 and all(place.startswith('work_dirs/') for place in places), places
