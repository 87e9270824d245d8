import math

import pytest
import torch

from slan_mm.models.objectives import ScoreMixer
from slan_mm.models.objectives.contrastive import positives

SCORES = {'itc': torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 'lexical': torch.tensor([[0.0, 1.0], [2.0, -1.0]])}


def test_learned_weights_start_at_one():
    mixer = ScoreMixer(['itc', 'lexical'])
    torch.testing.assert_close(mixer(SCORES), SCORES['itc'] + SCORES['lexical'], atol=1e-3, rtol=0)


def test_weights_stay_positive():
    mixer = ScoreMixer(['itc', 'lexical'])
    with torch.no_grad():
        mixer.raw['lexical'].fill_(-20)
    assert 0 < mixer.weight('lexical') < 1e-6


def test_loss_by_hand_teaches_the_weights_only():
    mixer = ScoreMixer(['itc', 'lexical'])
    scores = {name: score.clone().requires_grad_() for name, score in SCORES.items()}
    loss = mixer.loss(scores, positives(torch.tensor([0, 1]), torch.tensor([0, 1])))
    # Sums are [[1, 3], [5, 3]]: each row's positive is 2 below its rival.
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2)), rel=1e-3)
    loss.backward()
    assert all(score.grad is None for score in scores.values())
    # Both terms vote for the rival: row by row by 1 and -1 + 1 (global), by 1 and 3 (lexical).
    assert mixer.raw['lexical'].grad > abs(mixer.raw['itc'].grad)


def test_a_single_term_has_nothing_to_learn():
    assert not any(p.requires_grad for p in ScoreMixer(['itc']).parameters())
