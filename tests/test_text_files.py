import pytest

from slan_mm.text_files import TextFileError, parse_json, read_json


@pytest.mark.parametrize(
    ('content', 'error'),
    [
        (b'{"a":\n 1,}', 'f.json, line 2: not valid JSON'),
        (b'{"NaN": "NaN",\n\n"b": NaN}', 'f.json, line 3: NaN is no value of JSON'),
        (b'[1,\n-Infinity]', 'f.json, line 2: -Infinity is no value'),
        (b'[' * 10000 + b']' * 10000, 'f.json, line 1: nested too deep'),
        (b'[' * 9000 + b'\n' + b']' * 9000, 'f.json: nested too deep'),
        (b'9' * 5000, 'f.json, line 1: a number has thousands of digits'),
        (b'["\n\xff"]', 'f.json, line 2: not UTF-8 text'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, content, error):
    file = tmp_path / 'f.json'
    file.write_bytes(content)
    with pytest.raises(TextFileError, match=error):
        read_json(file)


def test_a_part_of_a_file_counts_lines_from_its_own():
    assert parse_json('[1]', 'f') == [1]
    with pytest.raises(TextFileError, match='f, line 7: not valid JSON') as error:
        parse_json('[1', 'f', 7)
    assert error.value.line == 7
