"""The faults' own logic, on a thing that is a file with a number; what the product keeps is tried by the tool."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / 'tools/analysis'


@pytest.fixture(scope='module')
def tool():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'path', [str(FOLDER), *sys.path])
        yield runpy.run_path(str(FOLDER / 'try_faults.py'))


@pytest.fixture(scope='module')
def faults(tool):
    return sys.modules['faults.injecting']


def subject(faults, checked, **options):
    """A number in a file, eight times, which ``checked`` compares."""

    def write(folder, state):
        (folder / 'number').write_bytes(bytes([state] * 8))

    def read(folder):
        content = (folder / 'number').read_bytes()
        if checked and len(set(content)) > 1:
            raise FileNotFoundError('damaged')
        return content[0]

    return faults.Subject('number', write, read, **options)


def test_flips_are_refused_where_there_is_a_checksum_and_counted_as_wrong_where_there_is_none(faults, tmp_path):
    assert faults.flips(subject(faults, True), tmp_path / 'a', 20, 0) == {'refused': 20}
    counts = faults.flips(subject(faults, False), tmp_path / 'a', 40, 0)
    # One of eight bytes is read: a lower number is taken for an older state, which is lost.
    assert counts['as written'] > 25 and counts['lost'] + counts['wrong'] > 0 and sum(counts.values()) == 40
    assert counts == faults.flips(subject(faults, False), tmp_path / 'a', 40, 0)


@pytest.mark.parametrize(
    ('found', 'options', 'expected'),
    [
        (3, {}, 'as written'),
        (4, {}, 'wrong'),
        (2, {}, 'lost'),
        (2, dict(older=True), 'older'),
        (RuntimeError('else'), {}, 'raw'),
        (FileNotFoundError('a line'), {}, 'refused'),
        (FileNotFoundError('two\nlines'), {}, 'raw'),
    ],
)
def test_what_was_read_is_told_apart(faults, tmp_path, found, options, expected):
    def read(folder):
        if isinstance(found, Exception):
            raise found
        return found

    one = faults.Subject('x', None, read, **options)
    assert faults.outcome(one, tmp_path, 3) == expected


def test_every_thing_is_read_as_it_was_written(faults, tmp_path):
    for name, one in faults.SUBJECTS.items():
        if name not in ('model folder', 'index (LanceDB)'):  # take seconds
            faults.prepare(one, tmp_path / name, 2)
            assert one.read(tmp_path / name) == 2, name


def test_the_table_has_a_row_for_each_fault(tool, faults, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('faults.SUBJECTS', {'number': subject(faults, False, changing=False)})
    tool['main'].__wrapped__.__globals__['SUBJECTS'] = {'number': subject(faults, False, changing=False)}
    code = tool['main'](['--work-dir', str(tmp_path / 'w'), '--flips', '30'])
    head, line, row = capsys.readouterr().out.splitlines()
    assert head.count('|') == line.count('|') == row.count('|') == 10 and row.startswith(
        '| number | flipped bits | 30 |'
    )
    assert code == 1
