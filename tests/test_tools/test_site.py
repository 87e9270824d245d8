"""What the site of the documentation adds to docs/."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip('mkdocs', reason='the site is built where requirements/tests.txt is installed')


hooks, roles = (SimpleNamespace(**runpy.run_path(str(ROOT / f'tools/site/{name}.py'))) for name in ('hooks', 'roles'))


@pytest.mark.parametrize(
    ('page', 'text', 'expected'),
    [
        ('tasks/vqa.md', '[how](../../CONTRIBUTING.md#rules)', '[how](CONTRIBUTING.md#rules)'),
        ('design.md', '[how](../CONTRIBUTING.md)', '[how](CONTRIBUTING.md)'),
        ('design.md', '[page](data.md) [other](tasks/vqa.md)', '[page](data.md) [other](tasks/vqa.md)'),
        ('CONTRIBUTING.md', '[design](docs/design.md#rules)', '[design](design.md#rules)'),
        ('results.md', 'the [log](runs/flickr8k/log.jsonl) of it', 'the log of it'),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(page, text, expected):
    place = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert hooks.on_page_markdown(text, place) == expected


def test_every_public_module_has_its_place_in_the_reference():
    found = [module for package in hooks.packages() for module in hooks.modules(package)]
    files = (ROOT / 'slan_mm').rglob('*.py')
    modules = {'.'.join(file.relative_to(ROOT).with_suffix('').parts) for file in files if file.stem != '__init__'}
    assert sorted(found) == sorted(module for module in modules if not module.split('.')[-1].startswith('_'))
    assert '::: slan_mm.models.slan\n' in hooks.reference('slan_mm.models')


def test_roles_name_the_file_that_defines():
    places = roles.definitions(ROOT / 'slan_mm')
    assert places['SelfLocator'] == 'slan_mm.models.locator.locator.SelfLocator'
    # What several files define has no one place.
    assert 'parse_options' not in places
    package = SimpleNamespace(is_class=False, parent=None)
    link = roles.Roles().link
    assert link('SelfLocator', package) == '[`SelfLocator`][slan_mm.models.locator.locator.SelfLocator]'
    assert link('nowhere_defined', package) == '`nowhere_defined`'
    owner = SimpleNamespace(is_class=True, path='slan_mm.models.base.BaseSLAN', members={'locate': None})
    assert link('locate', owner) == '[`locate`][slan_mm.models.base.BaseSLAN.locate]'
