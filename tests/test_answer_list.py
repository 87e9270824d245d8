import json

import pytest
from support.fuzzing import fuzz

from slan_mm.answer_list import check_answers, read_answer_list
from slan_mm.plain_text import is_blank, is_whole


def test_the_order_is_kept(tmp_path):
    file = tmp_path / 'answers.json'
    file.write_text(json.dumps(['yes', 'no', '2']), encoding='utf-8-sig')
    assert read_answer_list(file) == ['yes', 'no', '2']
    assert check_answers(('b', 'a'), 'here') == ['b', 'a']


@pytest.mark.parametrize(
    ('content', 'error'),
    [
        (b'["yes", "yes"]', "answers.json, entry 1: the answer 'yes' is entry 0, too"),
        (b'["yes", " "]', 'answers.json, entry 1: an answer should be a text that is not empty'),
        (b'[1]', 'answers.json, entry 0: an answer should be a text that is not empty, got 1'),
        (b'[]', 'answers.json: the answer list is empty'),
        (b'{"yes": 1}', 'answers.json: expected a list of answers, got dict'),
        (b'["yes",\n', 'answers.json, line 2: not valid JSON'),
        (b'["\xff"]', 'answers.json, line 1: not UTF-8 text'),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, error):
    file = tmp_path / 'answers.json'
    file.write_bytes(content)
    with pytest.raises(ValueError, match=error):
        read_answer_list(file)


def test_a_missing_file_is_named_with_what_makes_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json' does not exist.*vqa_answer_list\.py"):
        read_answer_list(tmp_path / 'none.json')


def test_fuzzed(tmp_path):
    file = tmp_path / 'answers.json'
    file.write_text(json.dumps(['yes', 'no', '2', '3.5', 'a dog']))

    def check(answers):
        assert len(set(answers)) == len(answers) > 0
        assert all(is_whole(answer) and not is_blank(answer) for answer in answers)

    fuzz(lambda: read_answer_list(file), file, check)
