"""The weights of the final score: what they do to it, and that they travel with the checkpoint."""

import pytest
import torch
from support.retrieval_fakes import FakeModel, fake_loader, fake_samples
from support.toy import build_toy_slan, toy_batch

from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.models.inference import evaluating, weight_of_itm


@pytest.fixture(scope='module')
def plain():
    return build_toy_slan()


@pytest.fixture(scope='module')
def weighted():
    return build_toy_slan(score_weights=dict())


def features(model):
    batch = model.data_preprocessor(toy_batch(), False)
    with evaluating(model):
        return model.encode_image(batch['inputs']), model.encode_text([s.text for s in batch['data_samples']])


def test_until_they_are_chosen_the_score_is_itc_alone(weighted):
    image, text = features(weighted)
    weighted.score_weights.set(0.0, 0.0, 0)
    assert torch.equal(weighted.shortlist_scores(image, text), weighted.itc_scores(image, text))
    assert weighted.weight_of_itm() == 0.0 and weighted.weight_of_itm(0.5) == 0.5


def test_a_weight_of_one_is_the_mixture_in_units_of_itc(plain, weighted):
    image, text = features(weighted)
    weighted.score_weights.set(1.0, 0.25, 7)
    mixed = weighted.objective.pair_scores(image, text) / weighted.objective.mixer.weight('itc')
    torch.testing.assert_close(weighted.shortlist_scores(image, text), mixed)
    assert weighted.weight_of_itm() == 0.25
    # A model that has no weights scores as ever.
    image, text = features(plain)
    assert torch.equal(plain.shortlist_scores(image, text), plain.objective.pair_scores(image, text))
    assert plain.weight_of_itm() == 1.0


def test_checkpoints_serve_models_with_and_without_weights(plain, weighted):
    assert not any('score_weights' in name for name in plain.state_dict())
    weighted.score_weights.set(0.5, 0.125, 9)
    state = weighted.state_dict()
    again = build_toy_slan(1, score_weights=dict())
    again.load_state_dict(dict(state), strict=True)
    assert [float(value) for value in again.score_weights.buffers()] == [0.5, 0.125, 9.0]
    plain.load_state_dict(dict(state), strict=True)
    # A checkpoint of before leaves them as they are.
    again.load_state_dict(dict(plain.state_dict()), strict=True)
    assert float(again.score_weights.region_word) == 0.5


def test_one_rule_says_what_itm_weighs_for_a_model_and_its_evaluation(weighted, monkeypatch):
    weighted.score_weights.set(1.0, 0.25, 7)
    assert weight_of_itm(weighted) == weighted.weight_of_itm() == 0.25
    assert weight_of_itm(weighted, 3.0) == weighted.weight_of_itm(3.0) == 3.0
    # A model of the evaluator need not be one of ours.
    other, said = FakeModel(), []
    assert weight_of_itm(other) == 1.0 and weight_of_itm(other, 0.0) == 0.0
    monkeypatch.setattr('slan_mm.evaluation.retrieval_evaluator.print_log', lambda text, **_: said.append(text))
    other.score_weights = weighted.score_weights
    ranked = RetrievalEvaluator(k=4).run(other, fake_loader(fake_samples()))
    assert 'then + 0.25 x ITM' in said[0]
    asked = RetrievalEvaluator(k=4, itm_weight=0.25).run(other, fake_loader(fake_samples()))
    assert asked == ranked
