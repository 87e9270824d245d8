import numpy as np
import pytest

from slan_mm.evaluation.functional.recall import gold_ranks, summarise_ranks


def test_worked_example_two_images_four_texts():
    # Two images; texts 0 and 1 describe image 0, texts 2 and 3 image 1.
    scores = np.array([[0.9, 0.2, 0.3, 0.1], [0.8, 0.1, 0.7, 0.4]])
    gold = np.array([0, 0, 1, 1])[None] == np.arange(2)[:, None]
    # Image 0: its best text, .9, is first. Image 1: its best text is .7, and only the wrong .8 is higher.
    i2t = gold_ranks(scores, gold)
    assert i2t.tolist() == [1, 2]
    # Texts: .9 > .8 right; .2 > .1 right; .7 > .3 right; .4 > .1 right.
    assert gold_ranks(scores.T, gold.T).tolist() == [1, 1, 1, 1]
    assert summarise_ranks(i2t, 'i2t_') == {
        'i2t_R1': 50.0,
        'i2t_R5': 100.0,
        'i2t_R10': 100.0,
        'i2t_meanR': 1.5,
        'i2t_medR': 1.5,
    }


def test_gold_candidates_do_not_push_each_other_down():
    assert gold_ranks(np.array([[3.0, 2.0, 1.0]]), np.array([[True, True, False]])).tolist() == [1]
    # Whichever gold candidate is best counts.
    assert gold_ranks(np.array([[1.0, 3.0, 2.0]]), np.array([[True, True, False]])).tolist() == [1]


def test_ties_count_against_the_model():
    gold = np.eye(4, dtype=bool)
    assert gold_ranks(np.zeros((4, 4)), gold).tolist() == [4, 4, 4, 4]
    assert gold_ranks(np.full((4, 4), -np.inf), gold).tolist() == [4, 4, 4, 4]


def test_shortlisted_stand_above_the_rest_whatever_their_scores():
    scores = np.array([[-5.0, -4.0, 9.0, 8.0]])
    shortlisted = np.array([[True, True, False, False]])
    wanted = [2, 1, 3, 4]
    for candidate, expected in enumerate(wanted):
        gold = np.arange(4)[None] == candidate
        assert gold_ranks(scores, gold, shortlisted).tolist() == [expected]
    # One gold in the shortlist and a higher one outside of it: the one in the shortlist decides.
    assert gold_ranks(scores, np.array([[True, False, True, False]]), shortlisted).tolist() == [2]
    # A tie across the border is no tie.
    assert gold_ranks(np.zeros((1, 4)), np.array([[False, False, True, False]]), shortlisted).tolist() == [4]
    assert gold_ranks(np.zeros((1, 4)), np.array([[True, False, False, False]]), shortlisted).tolist() == [2]


def test_agrees_with_sorting_when_there_are_no_ties():
    generator = np.random.default_rng(0)
    scores = generator.permutation(20 * 30).reshape(20, 30)
    gold = generator.random((20, 30)) < 0.1
    gold[:, 3] = True
    order = np.argsort(-scores, axis=1)
    expected = [1 + next(i for i, c in enumerate(row) if gold[q, c]) for q, row in enumerate(order)]
    assert gold_ranks(scores, gold).tolist() == expected


def test_errors():
    with pytest.raises(ValueError, match='query 1'):
        gold_ranks(np.zeros((2, 2)), np.array([[True, False], [False, False]]))
    with pytest.raises(ValueError, match='NaN.*query 0, candidate 1'):
        gold_ranks(np.array([[0.0, np.nan]]), np.array([[False, True]]))
    with pytest.raises(ValueError, match='shape'):
        gold_ranks(np.zeros((2, 3)), np.zeros((3, 2), dtype=bool))
    with pytest.raises(ValueError, match='empty'):
        summarise_ranks(np.array([]))
