"""The search for the weights of the final score: what harms is never chosen."""

import numpy as np
import pytest
from support.retrieval_fakes import FakeModel, fake_loader, fake_samples

from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.evaluation.rerank import shortlist
from slan_mm.evaluation.score_search import (
    ITM,
    RECALLS,
    REGION_WORD,
    ScoreSearch,
    best_weight,
    mean_recall,
)
from slan_mm.models.score_weights import ScoreWeights

TEXTS = np.repeat(np.arange(12), 2)
TRUE = (np.arange(12)[:, None] == TEXTS).astype(np.float32)


def noise(seed):
    return np.random.default_rng(seed).normal(size=TRUE.shape).astype(np.float32)


def searched(itc, words, itm, k=5):
    search = ScoreSearch(itc, words, TEXTS)
    scores = search.scores(search.region_word)
    lists = shortlist(scores, k), shortlist(scores.T, k)
    logits = [np.take_along_axis(side, place, axis=1) for side, place in zip((itm, itm.T), lists, strict=True)]
    search.choose_itm(scores, scores.T, lists, logits)
    return search


def test_what_helps_gets_a_weight_and_what_harms_gets_none():
    itc = TRUE + 0.6 * noise(0)
    helped = searched(itc, 4 * TRUE, noise(1) * 20)
    assert helped.region_word > 0 and helped.itm == 0
    helped = searched(itc, noise(1) * 20, 4 * TRUE)
    assert helped.region_word == 0 and helped.itm > 0
    curve = helped.curves['itm']
    assert mean_recall(curve[helped.itm]) == max(map(mean_recall, curve.values())) > mean_recall(helped.floor)


@pytest.mark.parametrize('seed', range(20))
def test_no_recall_is_ever_below_that_of_itc_alone(seed):
    search = searched(TRUE + 0.5 * noise(seed), TRUE + 3 * noise(seed + 100), TRUE + 3 * noise(seed + 200))
    final = search.curves['itm'][search.itm]
    assert all(final[name] >= search.floor[name] for name in RECALLS)


def test_of_equal_weights_it_is_the_smallest():
    same = dict.fromkeys(RECALLS, 50.0)
    assert best_weight(dict.fromkeys((0.0, 0.5, 1.0), same), same) == 0.0
    better = dict.fromkeys(RECALLS, 60.0)
    assert best_weight({0.0: same, 0.5: better, 1.0: better}, same) == 0.5
    # A higher mean that costs one recall.
    assert best_weight({0.0: same, 0.5: better | {'t2i_R1': 49.0}}, same) == 0.0


def test_both_curves_are_told():
    search = searched(TRUE + 0.6 * noise(0), 4 * TRUE, noise(1))
    told = search.table()
    assert told.count(' *') == 3 and 'weight  i2t R@1' in told
    metrics = search.metrics('retrieval')
    assert {f'retrieval_curve/itm_{weight:g}' for weight in ITM} <= metrics.keys()
    assert {f'retrieval_curve/region_word_{weight:g}' for weight in REGION_WORD} <= metrics.keys()
    assert metrics['retrieval_region_word/t2i_R1'] == 100.0


class Weighted(FakeModel):
    """The fake with weights; its region-word terms are the other four numbers of its vectors."""

    def __init__(self):
        super().__init__()
        self.score_weights = ScoreWeights()

    def region_word_scores(self, image, text):
        return image.vector[:, 2:] @ text.words.sum(dim=1).T[2:]

    def shortlist_scores(self, image, text):
        return self.itc_scores(image, text) + self.score_weights.region_word * self.region_word_scores(image, text)


def test_an_evaluation_leaves_its_choice_in_the_model():
    model, loader = Weighted(), fake_loader(fake_samples())
    chosen = RetrievalEvaluator(k=4, choose_weights=True).run(model, loader)
    own = {name: chosen[f'retrieval_weights/{name}'] for name in ('region_word', 'itm')}
    assert own == {'region_word': float(model.score_weights.region_word), 'itm': float(model.score_weights.itm)}
    assert int(model.score_weights.chosen_on) > 0
    for name in RECALLS:
        assert chosen[f'retrieval/{name}'] >= chosen[f'retrieval_itc/{name}']
    # Another evaluation takes these weights, and finds the same.
    tested = RetrievalEvaluator(k=4).run(model, loader)
    assert all(chosen[name] == value for name, value in tested.items())
    assert chosen['retrieval/mean_recall'] == pytest.approx(np.mean([tested[f'retrieval/{n}'] for n in RECALLS]))


def test_pictures_that_chose_the_weights_are_called_so(monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.evaluation.retrieval_evaluator.print_log', lambda text, **_: said.append(text))
    model, samples = Weighted(), fake_samples()
    RetrievalEvaluator(k=4, choose_weights=True, fast=True).run(model, fake_loader(samples))
    assert model.score_weights.itm == 0
    RetrievalEvaluator(k=4).run(model, fake_loader(samples))
    assert 'These very pictures chose the weights' in said[-1]
    RetrievalEvaluator(k=4).run(model, fake_loader(samples[1:]))
    assert 'These very pictures' not in said[-1]


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match=r'set model\.score_weights=dict'):
        RetrievalEvaluator(choose_weights=True).run(FakeModel(), fake_loader(fake_samples()))
    with pytest.raises(ValueError, match='give itm_weight, or have it chosen'):
        RetrievalEvaluator(choose_weights=True, itm_weight=0.5)
