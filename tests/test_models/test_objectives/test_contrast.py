"""ITC and region-word terms of unimodal features, and their mixed score."""

import pytest
import torch
from support.toy import build_toy_slan, toy_batch, toy_sample

from slan_mm.models.objectives.contrast import image_ids
from slan_mm.models.objectives.contrastive import positives


def encoded(model):
    data = model.data_preprocessor(toy_batch(), True)
    return model.encode_image(data['inputs']), model.encode_text([sample.text for sample in data['data_samples']])


@torch.no_grad()
def test_losses_are_those_of_the_terms_and_scores_those_of_the_mixer():
    model = build_toy_slan(objective__weights=dict(itc=2.0, region_word=0.5))
    objective = model.objective
    image, text = encoded(model)
    ids = torch.arange(4)
    losses, scores = objective.contrast(image, text, ids, None, None)
    assert losses.keys() == {'loss_itc', 'loss_region_word_lexical', 'loss_region_word_contextual', 'loss_mixer'}
    torch.testing.assert_close(losses['loss_itc'], 2 * objective.itc(image.embedding, text.embedding, ids))
    terms = objective.term_scores(image, text)
    for term in ('lexical', 'contextual'):
        loss, score = objective.region_word[term](
            image.region_space[term], text.word_space[term], text.word_mask, ids, None
        )
        torch.testing.assert_close(losses[f'loss_region_word_{term}'], 0.5 * loss)
        torch.testing.assert_close(terms[term], score)
    torch.testing.assert_close(scores, objective.mixer(terms))
    torch.testing.assert_close(scores, objective.pair_scores(image, text))
    torch.testing.assert_close(losses['loss_mixer'], objective.mixer.loss(terms, positives(ids, ids)))


def test_the_scores_of_negatives_carry_no_gradient_to_the_terms():
    model = build_toy_slan()
    _, scores = model.objective.contrast(*encoded(model), torch.arange(4), None, None)
    scores.sum().backward()
    assert all(value.grad is None for value in model.image_branch.parameters())


def test_without_region_words_itc_is_alone():
    model = build_toy_slan(objective__region_word=None)
    losses, scores = model.objective.contrast(*encoded(model), torch.arange(4), None, None)
    assert losses.keys() == {'loss_itc'} and scores.shape == (4, 4)


def test_an_unknown_calibrated_term_is_named():
    with pytest.raises(ValueError, match=r"calibrated names \['visual'\], the region-word terms are"):
        build_toy_slan(objective__calibrated=['visual'])


def test_image_ids_are_the_same_everywhere():
    ids = image_ids([toy_sample(0, image_id=name) for name in ('a', 'b', 'a')], torch.device('cpu'))
    assert ids[0] == ids[2] != ids[1] and (ids >= 0).all()
    assert ids.tolist()[0] == 2340832890917691671
