import pytest

from slan_mm.text_files import TextFileError, parse_json, read_json, read_yaml


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


@pytest.mark.parametrize(
    ('content', 'error'),
    [
        (b'a: 1\n b: [', 'f.yaml, line 2: not valid YAML'),
        (b'[' * 10000, 'f.yaml: nested too deep'),
        (b'a: ' + b'9' * 5000, 'f.yaml: not valid YAML .Exceeds the limit'),
        (b'a: 2020-02-31', 'f.yaml: not valid YAML'),
        (b'dog: [puppy]\ncat:\ndog:\n', "f.yaml, line 3: not valid YAML .'dog' stands twice"),
        (
            b'!!python/object/apply:os.system ["true"]',
            'f.yaml, line 1: not valid YAML .could not determine a constructor',
        ),
        (b'a\0b', 'f.yaml: not valid YAML'),
        (b'\xff\xfe', 'f.yaml, line 1: not UTF-8 text'),
    ],
)
def test_a_yaml_file_that_is_wrong(tmp_path, content, error):
    file = tmp_path / 'f.yaml'
    file.write_bytes(content)
    with pytest.raises(TextFileError, match=error):
        read_yaml(file)


def test_a_yaml_file(tmp_path):
    file = tmp_path / 'f.yaml'
    file.write_text('\ufeffa: &x [1, b]\nc: *x\n')
    assert read_yaml(file) == {'a': [1, 'b'], 'c': [1, 'b']}
