import json
from pathlib import Path

import pytest

from slan_mm.datasets.readers.entry import AnnotationError, Entry, json_entries, load_json

DATA = {'info': {'a': [1, {'images': []}]}, 'images': [{'x': [1, 2]}, 'text with ] and }', {'y': 5}], 'z': 0}


@pytest.mark.parametrize(('indent', 'offset'), [(2, 1), (None, 0)])
def test_the_line_of_each_record(write, indent, offset):
    file = Path(write('f.json', DATA, indent=indent))
    entries = list(json_entries(file, load_json(file), 'images', ''))
    lines = file.read_text().splitlines()
    assert [entry.place for entry in entries] == ['images[0]', 'images[1]', 'images[2]']
    assert '"x"' in lines[entries[0].line() - 1 + offset]
    assert 'text with' in lines[entries[1].line() - 1]
    assert '"y"' in lines[entries[2].line() - 1 + offset]


def test_the_line_of_each_record_of_a_bare_list(write):
    file = Path(write('f.json', '[\n\n1,\n2\n]'))
    assert [entry.line() for entry in json_entries(file, load_json(file), None, '')] == [3, 4]


def test_take_tells_what_is_there():
    entry = Entry({'a': 1, 'b': True}, Path('f.json'), 'images[3]', 12)
    assert entry.take('a', int, '') == 1
    expected = "f.json, line 12, images[3]: no field 'c' (fields here: ['a', 'b']). Do this."
    with pytest.raises(AnnotationError) as error:
        entry.take('c', int, 'Do this.')
    assert str(error.value) == expected
    with pytest.raises(AnnotationError, match='should be int, got bool'):
        entry.take('b', int, '')


def test_a_byte_order_mark_is_no_text(tmp_path):
    file = tmp_path / 'f.json'
    file.write_bytes(b'\xef\xbb\xbf' + json.dumps([1]).encode())
    assert load_json(file) == [1]


@pytest.mark.parametrize('path', ['', ' ', '/', '.', 'a/..', 'a/', 'a\0b', 'x/', 3, None])
def test_a_path_names_a_file(path):
    with pytest.raises(AnnotationError, match="field 'p'"):
        Entry({'p': path}, Path('f.json')).take_path('p', '', strip_prefix='x/')


def test_paths_and_ids_are_read_without_spaces():
    entry = Entry({'p': ' x/a.b/c.jpg ', 'i': ' 01 ', 'j': 1}, Path('f.json'))
    assert entry.take_path('p', '', strip_prefix='x/') == 'a.b/c.jpg'
    assert (entry.take_id('i', ''), entry.take_id('j', '')) == ('01', '1')


@pytest.mark.parametrize('value', [True, None, 1.0, '', '\u200b', [1], 'a\ud83d'])
def test_what_is_no_id(value):
    with pytest.raises(AnnotationError, match="field 'i'"):
        Entry({'i': value}, Path('f.json')).take_id('i', '')
