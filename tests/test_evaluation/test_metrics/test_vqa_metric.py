"""The VQA metric: answer types, the submission file, questions without answers."""

import json

import pytest

from slan_mm.evaluation import VQAMetric

SAMPLES = [
    dict(question_id=1, pred_answer='yes', answers=['yes'] * 10, answer_type='yes/no'),
    dict(question_id=2, pred_answer='no', answers=['yes'] * 9 + ['no'], answer_type='yes/no'),
    dict(question_id=3, pred_answer='two', answers=['2'] * 3 + ['3'] * 7, answer_type='number'),
    dict(question_id=4, pred_answer='a cat', answers=['dog'] * 10, answer_type='other'),
]


def evaluate(metric, samples):
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def test_each_answer_type():
    scores = evaluate(VQAMetric(), SAMPLES)
    assert scores == pytest.approx(
        {
            'vqa/accuracy': 100 * (1 + 0.3 + 0.9 + 0) / 4,
            'vqa/yes_no': 100 * (1 + 0.3) / 2,
            'vqa/number': 90.0,
            'vqa/other': 0.0,
            'vqa/num_questions': 4,
        }
    )
    assert evaluate(VQAMetric(), SAMPLES[::-1]) == pytest.approx(scores)
    # A loader that fills its last batch asks a question twice.
    assert evaluate(VQAMetric(), [*SAMPLES, SAMPLES[0]]) == pytest.approx(scores)


def test_a_submission_without_known_answers(tmp_path):
    samples = [dict(question_id=2**40 + number, pred_answer=f'{number} é') for number in range(2)]
    assert evaluate(VQAMetric(outfile_prefix=str(tmp_path / 'a' / 'test-dev')), samples) == {'vqa/num_questions': 2}
    assert json.loads((tmp_path / 'a' / 'test-dev.json').read_text()) == [
        {'question_id': 2**40, 'answer': '0 é'},
        {'question_id': 2**40 + 1, 'answer': '1 é'},
    ]


def test_answers_of_some_questions_only():
    with pytest.raises(ValueError, match='only 4 of 5 questions have annotated answers'):
        evaluate(VQAMetric(), [*SAMPLES, dict(question_id=9, pred_answer='yes')])


def test_questions_of_two_data_sets_that_number_them_alike():
    both = [dict(one, sample_id=f'{prefix}{one["question_id"]}') for prefix in ('', 'vg/') for one in SAMPLES]
    scores = evaluate(VQAMetric(), both)
    assert scores['vqa/num_questions'] == 8
    assert scores['vqa/accuracy'] == pytest.approx(evaluate(VQAMetric(), SAMPLES)['vqa/accuracy'])
