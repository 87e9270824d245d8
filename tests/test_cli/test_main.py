"""The command ``slan``: every tool is found, and runs as Python would run its file."""

import json
import sys

import pytest

from slan_mm.cli.main import TOOLS, commands, main, summary
from slan_mm.shipped import ROOT, TINY_MODEL


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """A tool runs in this process: its arguments and its folder go again."""
    monkeypatch.setattr(sys, 'argv', list(sys.argv))
    monkeypatch.setattr(sys, 'path', list(sys.path))


def test_every_tool_is_a_command():
    files = {path.name for path in TOOLS.glob('*.py')}
    assert {path.name for path in commands().values()} == files
    assert {'train', 'test', 'infer', 'index', 'search', 'doctor', 'prepare-own-data'} <= commands().keys()


def test_a_new_tool_needs_no_list(tmp_path):
    (tmp_path / 'pseudo_label.py').write_text('"""Labels pictures.\n\nMore."""\n')
    (tmp_path / '_shared.py').touch()
    ((name, path),) = commands(tmp_path).items()
    assert (name, summary(path)) == ('pseudo-label', 'Labels pictures.')


@pytest.mark.parametrize('arguments', [[], ['--help'], ['-h']])
def test_help_names_every_command_and_what_it_does(arguments, capsys):
    main(arguments)
    said = capsys.readouterr().out
    for name, path in commands().items():
        assert f'  {name} ' in said and summary(path) in said and summary(path).endswith('.'), name


def test_a_slip_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['infr'])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "slan: there is no command 'infr': is 'infer' meant?\n"


def test_a_tool_runs_from_another_folder_with_the_packages_own_files(tmp_path, monkeypatch, capsys):
    """The file named in ``argv`` is what Python would name; the config is that of the package."""
    tool = tmp_path / 'tools' / 'show_arguments.py'
    tool.parent.mkdir()
    tool.write_text(
        'import json, sys, neighbour\nif __name__ == "__main__":\n    print(json.dumps([__file__, *sys.argv]))\n'
    )
    (tool.parent / 'neighbour.py').touch()
    monkeypatch.setattr('slan_mm.cli.main.TOOLS', tool.parent)
    monkeypatch.chdir(tmp_path)
    main(['show-arguments', TINY_MODEL[0], '--text', 'a [dog]'])
    assert json.loads(capsys.readouterr().out) == [str(tool), str(tool), str(ROOT / TINY_MODEL[0]), '--text', 'a [dog]']


def test_what_a_tool_ends_with_ends_the_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['infer', 'no_such_task'])
    assert ended.value.code == 2 and 'invalid choice' in capsys.readouterr().err
