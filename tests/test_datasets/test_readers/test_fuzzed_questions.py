"""Questions of VQA v2 and Visual Genome, statements of NLVR2: changed files are read, or refused in one line."""

import json
from pathlib import Path

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets.readers import AnnotationError
from slan_mm.datasets.readers.nlvr2 import read_nlvr2
from slan_mm.datasets.readers.questions import read_visual_genome, read_vqa_v2
from slan_mm.plain_text import is_blank, is_whole

QUESTIONS = [{'question_id': 10 * n, 'image_id': n, 'question': f'what is {n}'} for n in range(3)]
ANNOTATIONS = [
    {'question_id': 10 * n, 'answer_type': 'other', 'answers': [{'answer': 'cat'}, {'answer': 'a dog'}]}
    for n in range(3)
]
NAME = '{image_id:012d}.jpg'


def check_questions(records):
    assert len({str(record.question_id).strip() for record in records}) == len(records)
    for record in records:
        assert not isinstance(record.question_id, bool) and record.image_id.strip() == record.image_id != ''
        assert not is_blank(record.question) and all(map(is_whole, [record.question, record.image_id, *record.answers]))
        assert record.answer_type is None or isinstance(record.answer_type, str)


@pytest.mark.parametrize('part', ['questions', 'annotations'])
def test_vqa_v2(write, part):
    questions = Path(write('questions.json', {'questions': QUESTIONS}))
    answers = Path(write('annotations.json', {'annotations': ANNOTATIONS}))
    # A question that lacks answers is told by the file of questions, too.
    fuzz(
        lambda: list(read_vqa_v2(questions, answers, '', NAME)),
        questions if part == 'questions' else answers,
        check_questions,
        skipped=lambda error: isinstance(error, AnnotationError) and '.json' in str(error),
    )


def test_visual_genome(write, tmp_path):
    data = [{'id': n, 'qas': [{'qa_id': n, 'question': 'what is this', 'answer': 'A cat.'}]} for n in range(3)]
    file = Path(write('qa.json', data))
    fuzz(lambda: list(read_visual_genome(file, str(tmp_path))), file, check_questions)


def test_nlvr2(write):
    rows = [
        {'identifier': f'train-{n}-0-0', 'sentence': f'sentence {n}', 'label': str(n > 1), 'directory': 10 * n}
        for n in range(4)
    ]
    file = Path(write('train.jsonl', '\n'.join(map(json.dumps, rows))))

    def check(records):
        assert len({record.identifier for record in records}) == len(records)
        for record in records:
            assert not is_blank(record.sentence) and is_whole(record.sentence) and record.label in (0, 1)

    fuzz(lambda: list(read_nlvr2(file, '')), file, check)


def test_ids_of_questions_are_texts_and_stay_as_they_are(write):
    questions = Path(write('questions.json', {'questions': QUESTIONS}))
    answers = Path(
        write('annotations.json', {'annotations': [{**a, 'question_id': str(a['question_id'])} for a in ANNOTATIONS]})
    )
    assert [record.question_id for record in read_vqa_v2(questions, answers, '', NAME)] == [0, 10, 20]
    twice = Path(write('twice.json', {'questions': [*QUESTIONS, {**QUESTIONS[1], 'question_id': '10'}]}))
    with pytest.raises(AnnotationError, match=r"questions\[3\]: a second entry with question_id '10'"):
        list(read_vqa_v2(twice, None, '', NAME))


@pytest.mark.parametrize('directory', ['²', '9' * 5000, -1, 100, True, ' 1'])
def test_directories_of_nlvr2_are_numbers(write, directory):
    row = {'identifier': 'train-1-0-0', 'sentence': 'x', 'label': 'True', 'directory': directory}
    with pytest.raises(AnnotationError, match='directory'):
        list(read_nlvr2(Path(write('train.json', json.dumps(row))), ''))
