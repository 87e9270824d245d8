import pytest

from slan_mm.evaluation.functional import nlvr2_scores, sentence_key


def test_consistency_by_hand():
    """Two sentences: the first told of three pairs and right on all, the second of two and wrong on one."""
    correct = {
        'dev-1-0-0': True,
        'dev-1-1-0': True,
        'dev-1-3-0': True,
        'dev-1-0-1': True,  # another sentence on the pair dev-1-0
        'dev-1-2-1': False,
    }
    scores = nlvr2_scores(correct)
    assert scores == {'accuracy': 80.0, 'consistency': 50.0, 'num_examples': 5.0, 'num_sentences': 2.0}


def test_extremes():
    right = {f'test1-{n}-0-0': True for n in range(3)}
    assert nlvr2_scores(right)['accuracy'] == nlvr2_scores(right)['consistency'] == 100.0
    wrong = dict.fromkeys(right, False)
    assert nlvr2_scores(wrong)['accuracy'] == nlvr2_scores(wrong)['consistency'] == 0.0


def test_a_sentence_is_known_by_set_and_sentence_number():
    assert sentence_key('dev-850-3-1') == sentence_key('dev-850-0-1')
    assert len({sentence_key(name) for name in ('dev-850-3-1', 'dev-850-3-0', 'dev-851-3-1', 'test1-850-3-1')}) == 4


def test_bad_input():
    with pytest.raises(ValueError, match='empty'):
        nlvr2_scores({})
    with pytest.raises(ValueError, match="'dev-850'"):
        nlvr2_scores({'dev-850': True})
