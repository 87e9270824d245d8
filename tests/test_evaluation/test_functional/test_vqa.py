"""The official VQA accuracy on worked examples."""

import pytest

from slan_mm.evaluation.functional import vqa_accuracy


@pytest.mark.parametrize(('agreeing', 'accuracy'), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_leave_one_out_over_ten_answers(agreeing, accuracy):
    answers = ['cat'] * agreeing + [f'dog {number}' for number in range(10 - agreeing)]
    assert vqa_accuracy('cat', answers) == pytest.approx(accuracy)


def test_answers_are_normalised_only_where_the_annotators_differ():
    assert vqa_accuracy('Two', ['2'] * 9 + ['3']) == 1.0
    assert vqa_accuracy('2', ['two'] * 9 + ['3']) == 1.0
    # As in the official script: ten equal answers are compared as they stand.
    assert vqa_accuracy('Two', ['2'] * 10) == 0.0
    assert vqa_accuracy(' 2\n', ['2'] * 10) == 1.0


def test_nothing_to_score_against():
    with pytest.raises(ValueError, match='without annotated answers'):
        vqa_accuracy('yes', [])
