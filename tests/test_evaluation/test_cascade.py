import numpy as np
import pytest

from slan_mm.evaluation.cascade import Cascade, Stage, in_order, itm_stages

SHORT = Stage(np.array([[7, 3, 9, 1]]), np.array([[4.0, 3.0, 2.0, 1.0]]))


def logits(of):
    """ITM by candidate; it notes what it is asked for."""
    asked = []

    def itm(lists, levels):
        asked.append((levels, [candidates.tolist() for candidates in lists]))
        return [np.vectorize(of[levels].get)(candidates).astype(float) for candidates in lists]

    return itm, asked


def test_all_levels_for_all_k():
    itm, asked = logits({None: {7: -9, 3: 0, 9: 5, 1: 0}})
    (stages,) = itm_stages(Cascade(k=4), [SHORT], itm, itm_weight=2.0)
    assert asked == [(None, [[[7, 3, 9, 1]]])]
    assert [stage.scores.tolist() for stage in stages] == [[[-14.0, 3.0, 12.0, 1.0]]]
    assert in_order(SHORT.candidates, stages).tolist() == [[9, 3, 1, 7]]


def test_early_exit_sends_the_best_on():
    itm, asked = logits({1: {7: 0, 3: 2, 9: -5, 1: 9}, None: {1: -20, 3: 0}})
    (stages,) = itm_stages(Cascade(k=4, full_k=2), [SHORT], itm)
    assert asked == [(1, [[[7, 3, 9, 1]]]), (None, [[[1, 3]]])]
    # By the first level 1, 3, 7, 9; after all levels 3 is before 1, and both stay above what left early.
    assert in_order(SHORT.candidates, stages).tolist() == [[3, 1, 7, 9]]


def test_lists_of_both_directions_are_scored_together():
    itm, asked = logits({None: dict.fromkeys(range(10), 0)})
    other = Stage(np.array([[2], [4]]), np.zeros((2, 1)))
    stages = itm_stages(Cascade(k=4, full_k=4), [SHORT, other], itm)
    assert len(asked) == 1 and asked[0][1] == [SHORT.candidates.tolist(), [[2], [4]]]
    assert [len(own) for own in stages] == [1, 1]


def test_equal_scores_keep_their_order():
    stage = Stage(SHORT.candidates, np.zeros((1, 4)))
    assert stage.best(3).tolist() == [[7, 3, 9]]
    assert in_order(SHORT.candidates, []).tolist() == [[7, 3, 9, 1]]


@pytest.mark.parametrize(
    ('numbers', 'said'), [(dict(k=0), 'k must be'), (dict(m=0), 'm must be'), (dict(k=2, full_k=3), 'at most k')]
)
def test_numbers_that_make_no_cascade(numbers, said):
    with pytest.raises(ValueError, match=said):
        Cascade(**numbers)
