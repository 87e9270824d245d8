"""ITM is asked where the shortlist is surest: worked by hand, and in the retrieval evaluator."""

import numpy as np
import pytest
from support.retrieval_fakes import FakeModel, fake_loader

from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.evaluation.cascade import Stage
from slan_mm.evaluation.itm_agreement import FEWEST_PAIRS, itm_agreement

N = 40


def ring(overruled_images=(), overruled_texts=()):
    """Query i has candidate i first and i + 1 second, both ways; ITM prefers the second one of the overruled."""
    candidates = np.stack([np.arange(N), (np.arange(N) + 1) % N], axis=1)
    stage = Stage(candidates, np.tile([1.0, 0.0], (N, 1)))
    logits = [np.tile([1.0, 0.0], (N, 1)) for _ in range(2)]
    for own, overruled in zip(logits, (overruled_images, overruled_texts), strict=True):
        own[list(overruled)] = [0.0, 1.0]
    return [stage, stage], logits


def test_the_share_of_mutual_best_pairs_that_itm_ranks_first():
    assert itm_agreement(*ring()) == 1.0
    assert itm_agreement(*ring(overruled_images=range(10), overruled_texts=range(4))) == (0.75 + 0.9) / 2


def test_pairs_that_are_not_mutual_are_not_asked():
    shortlists, logits = ring(overruled_images=range(5))
    of_texts = shortlists[1].candidates.copy()
    of_texts[:5] = of_texts[:5, ::-1]  # the best images of the texts 0-4 are 1-5: none of the images 0-4 is in a pair
    assert itm_agreement([shortlists[0], Stage(of_texts, shortlists[1].scores)], logits) == 1.0


def test_another_caption_of_the_same_image_agrees():
    shortlists, logits = ring(overruled_images=[7])
    of_texts = shortlists[1].candidates.copy()
    of_texts[8] = [7, 8]  # text 8, too, is best fitted by image 7
    agreed = itm_agreement([shortlists[0], Stage(of_texts, shortlists[1].scores)], logits)
    assert agreed == 1.0


def test_few_pairs_say_nothing():
    shortlists, logits = ring()
    of_texts = shortlists[1].candidates.copy()
    of_texts[FEWEST_PAIRS - 1 :] = of_texts[FEWEST_PAIRS - 1 :, ::-1]
    assert itm_agreement([shortlists[0], Stage(of_texts, shortlists[1].scores)], logits) is None


class ContraryModel(FakeModel):
    """ITM is against every pair that the shortlist is for."""

    def itm_scores(self, image, text, pairs=None, levels=None):
        if pairs is not None:
            image, text = image[pairs.image], text[pairs.text]
        self.scored_pairs += len(image)
        return -10 * (image.vector * text.words.sum(dim=1)).sum(1)


def evaluated(min_agreement):
    samples = [(f'image{number}', number, [f'{number:03d}{number % 9}{number % 7}']) for number in range(200)]
    return RetrievalEvaluator(k=8, min_agreement=min_agreement).run(ContraryModel(), fake_loader(samples))


def finals(metrics, kind='retrieval'):
    return {
        name: metrics[f'{kind}/{name}'] for name in ('i2t_R1', 'i2t_R5', 'i2t_medR', 't2i_R1', 't2i_R5', 't2i_medR')
    }


def test_the_evaluator_leaves_out_an_itm_that_does_not_know_the_data(monkeypatch):
    monkeypatch.setattr('slan_mm.evaluation.itm_agreement.FEWEST_PAIRS', 3)
    always, gated, trusting = evaluated(None), evaluated(0.8), evaluated(0.0)
    assert finals(always) != finals(always, 'retrieval_shortlist')
    assert finals(gated) == finals(gated, 'retrieval_shortlist') == finals(always, 'retrieval_shortlist')
    assert finals(trusting) == finals(always)
    assert gated['retrieval_itm/agreement'] == trusting['retrieval_itm/agreement'] < 80
    assert not any(name.startswith('retrieval_itm/') for name in always)


@pytest.mark.parametrize('wrong', [dict(min_agreement=1.5), dict(min_agreement=-0.1)])
def test_what_is_no_share_is_refused(wrong):
    with pytest.raises(ValueError, match='must be from 0 to 1'):
        RetrievalEvaluator(**wrong)


@pytest.mark.parametrize('other', [dict(fast=True), dict(full_k=2), dict(choose_weights=True)])
def test_it_needs_all_logits(other):
    with pytest.raises(ValueError, match='leave choose_weights, fast and full_k out'):
        RetrievalEvaluator(k=4, min_agreement=0.8, **other)
