"""The official VQA accuracy on worked examples."""

import pytest

from slan_mm.evaluation.functional import normalise_answer, vqa_accuracy


@pytest.mark.parametrize(('agreeing', 'accuracy'), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_leave_one_out_over_ten_answers(agreeing, accuracy):
    answers = ['cat'] * agreeing + [f'dog {number}' for number in range(10 - agreeing)]
    assert vqa_accuracy('cat', answers) == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ('answer', 'normal'),
    [
        ('A Red   car.', 'red car'),
        ('the two an', '2'),
        ('None', '0'),
        ('eleven', 'eleven'),
        ('dont', "don't"),
        ("he'dve", "he'd've"),
        ("don't", "don't"),
        ('t-shirt', 't shirt'),
        ('t - shirt', 't shirt'),
        ('red/blue', 'red blue'),
        ('1,000', '1000'),
        ('3.5', '3.5'),
        ('mr. t', 'mr t'),
        ('11:43', '11:43'),
        ('what?', 'what'),
        ("somebody'd", 'somebodyd'),
        ('a.' * 16 + ' b' + '.' * 16, 'a' * 16 + ' b'),
        # As in the official script: 32 stops are removed, later ones stay; and only 0 to 9 are digits.
        ('.' * 33, '.'),
        ('x' + '.' * 40, 'x' + '.' * 8),
        ('١,٠٠٠', '١ ٠٠٠'),
        ('५,००० /x', '५ ००० x'),
        ('٣.٥', '٣٥'),
        ('line\nbreak', 'line break'),
    ],
)
def test_normalisation(answer, normal):
    assert normalise_answer(answer) == normal


def test_answers_are_normalised_only_where_the_annotators_differ():
    assert vqa_accuracy('Two', ['2'] * 9 + ['3']) == 1.0
    assert vqa_accuracy('2', ['two'] * 9 + ['3']) == 1.0
    # As in the official script: ten equal answers are compared as they stand.
    assert vqa_accuracy('Two', ['2'] * 10) == 0.0
    assert vqa_accuracy(' 2\n', ['2'] * 10) == 1.0


def test_nothing_to_score_against():
    with pytest.raises(ValueError, match='without annotated answers'):
        vqa_accuracy('yes', [])
