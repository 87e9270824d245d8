"""The closed list of answers."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / 'tools' / 'dataset_converters'))
import vqa_answer_list


def annotations(path, answers):
    rows = [dict(question_id=n, multiple_choice_answer=answer) for n, answer in enumerate(answers)]
    path.write_text(json.dumps(dict(annotations=rows)))
    return str(path)


def test_frequent_answers(tmp_path, capsys):
    files = [
        annotations(tmp_path / 'a.json', ['yes', 'no', 'yes', 'A cat', 'two']),
        annotations(tmp_path / 'b.json', ['cat', '2', 'yes', 'sky', '...']),
    ]
    out = tmp_path / 'lists' / 'answers.json'
    vqa_answer_list.main([*files, '--min-count', '2', '--out', str(out)])
    assert json.loads(out.read_text()) == ['yes', '2', 'cat']
    assert '3 of 5 answers; they are the most frequent answer of 77.8 % of 9 questions' in capsys.readouterr().out
    vqa_answer_list.main([*files, '--min-count', '1', '--most', '2', '--out', str(out)])
    assert json.loads(out.read_text()) == ['yes', '2']


def test_what_is_wrong(tmp_path):
    file = annotations(tmp_path / 'a.json', ['yes'])
    with pytest.raises(SystemExit, match='no answer is that of 5 questions'):
        vqa_answer_list.main([file, '--min-count', '5', '--out', str(tmp_path / 'o.json')])
    with pytest.raises(SystemExit, match='does not exist'):
        vqa_answer_list.main([str(tmp_path / 'b.json'), '--out', str(tmp_path / 'o.json')])
    (tmp_path / 'q.json').write_text('{"questions": []}')
    with pytest.raises(SystemExit, match="no field 'annotations'"):
        vqa_answer_list.main([str(tmp_path / 'q.json'), '--out', str(tmp_path / 'o.json')])
