"""Every option of every tool that takes a number or names what is written refuses what it cannot use, in a line."""

import argparse
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = sorted(path for path in (ROOT / 'tools').rglob('*.py') if 'def parse_options(' in path.read_text())
#: What options that name something to be written are called.
WRITTEN = {'out', 'target', 'out-dir', 'work-dir', 'show-dir', 'collect'}


@pytest.fixture(scope='module')
def options():
    """Name and type of every option of every tool."""
    found, tool = [], None

    add = argparse.ArgumentParser.add_argument

    def remember(parser, *names, **how):
        found.append((f'{tool}-{names[-1].lstrip("-")}', how.get('type')))
        return add(parser, *names, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, 'add_argument', remember)
        for path in TOOLS:
            tool = path.stem
            with pytest.raises(SystemExit):
                runpy.run_path(str(path))['parse_options'](['--no-such-option'])
    return dict(found)


def refused(kind, text):
    with pytest.raises(argparse.ArgumentTypeError) as told:
        kind(text)
    assert '\n' not in str(told.value) and len(str(told.value)) < 300
    return str(told.value)


def test_numbers_are_read_and_checked(options):
    numbers = {
        name: kind
        for name, kind in options.items()
        if kind not in (None, str, Path) and name.split('-', 1)[1] not in WRITTEN and not name.endswith('local-rank')
    }
    assert len(numbers) > 50 and not {int, float} & set(numbers.values())
    for name, kind in numbers.items():
        for text in ('abc', '', 'nan', 'inf', '1e999', '[1]'):
            assert refused(kind, text).startswith('must be a '), name
        assert type(kind('1')) in (int, float), name
    counts = [kind for kind in numbers.values() if isinstance(kind('1'), int)]
    assert len(counts) > 40
    for kind in counts:
        assert all(refused(kind, text).startswith('must be a whole number of at least') for text in ('-1', '1.5'))


def test_what_cannot_be_written_is_told_before_the_work(options, tmp_path):
    written = {name: kind for name, kind in options.items() if name.split('-', 1)[1] in WRITTEN}
    assert len(written) > 15
    (tmp_path / 'file').touch()
    for name, kind in written.items():
        assert 'is a file' in refused(kind, str(tmp_path / 'file' / 'below')), name
        assert kind(str(tmp_path / 'new' / 'place')) == tmp_path / 'new' / 'place' and not (tmp_path / 'new').exists()
        # A file is no folder, and a folder no file.
        with pytest.raises(argparse.ArgumentTypeError):
            kind(str(tmp_path / 'file')), kind(str(tmp_path))
