"""Soft targets: worked examples, and what reads them."""

import math
from types import SimpleNamespace

import pytest
import torch
from support.toy import build_toy_slan, toy_batch, toy_losses

from slan_mm.models.objectives import ITCLoss, RegionWordLoss, SoftTargets
from slan_mm.models.objectives.contrastive import positives, soft_cross_entropy
from slan_mm.structures import EncodedWords


def encoder_of(words):
    """Stands for a text encoder: its own words (T, NT, C), whatever the tokens are."""
    words = torch.tensor(words)
    return SimpleNamespace(extract=lambda tokens: EncodedWords(contextual=words, lexical=words))


def tokens_of(mask):
    return SimpleNamespace(mask=torch.tensor(mask))


def test_by_hand():
    """Sentences (1, 0), (.6, .8), (0, 1), so cosines .6, 0 and .8; the second word of the first text is padding."""
    encoder = encoder_of([[[2.0, 0.0], [9.0, 9.0]], [[1.2, 0.0], [0.0, 1.6]], [[0.0, 1.0], [0.0, 3.0]]])
    tokens = tokens_of([[True, False], [True, True], [True, True]])
    target = SoftTargets(share=0.25, temperature=0.5)(encoder, tokens, torch.tensor([4, 5, 6]))
    for row, cosines in enumerate(([1, 0.6, 0], [0.6, 1, 0.8], [0, 0.8, 1])):
        exps = [math.exp(cosine / 0.5) for cosine in cosines]
        expected = [0.75 * (row == column) + 0.25 * exps[column] / sum(exps) for column in range(3)]
        assert target[row].tolist() == pytest.approx(expected, rel=1e-5)


def test_texts_of_one_picture_stay_positives():
    encoder = encoder_of([[[1.0, 0.0]], [[0.0, 1.0]]])
    tokens = tokens_of([[True], [True]])
    target = SoftTargets(share=0.0)(encoder, tokens, torch.tensor([3, 3]))
    torch.testing.assert_close(target, torch.full((2, 2), 0.5))


@pytest.mark.parametrize('arguments', [dict(share=-0.1), dict(share=1.1), dict(temperature=0.0)])
def test_bad_numbers_are_refused(arguments):
    with pytest.raises(ValueError, match='SoftTargets'):
        SoftTargets(**arguments)


def test_the_losses_read_them():
    target = torch.tensor([[0.7, 0.3], [0.4, 0.6]])
    image, text = torch.eye(2), torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    ids = torch.tensor([0, 1])
    itc = ITCLoss(2, temperature=0.5)
    logits = itc.similarity(image, text)
    expected = soft_cross_entropy(logits, target) + soft_cross_entropy(logits.t(), target)
    torch.testing.assert_close(itc(image, text, ids, target=target), expected)
    objective = RegionWordLoss(temperature=0.5)
    loss, _ = objective(image[:, None], text[:, None], torch.ones(2, 1, dtype=torch.bool), ids, target)
    torch.testing.assert_close(loss, expected)


def test_all_contrastive_terms_and_no_other_learn_from_them():
    hard = build_toy_slan(text__encoder__frozen=True)
    plain = toy_losses(hard, toy_batch())
    share0 = build_toy_slan(text__encoder__frozen=True, objective__soft_targets=dict(share=0.0))
    soft = build_toy_slan(text__encoder__frozen=True, objective__soft_targets=dict(share=0.5))
    assert share0.state_dict().keys() == hard.state_dict().keys()
    for name, value in toy_losses(share0, toy_batch()).items():
        torch.testing.assert_close(value, plain[name])
    changed = {name for name, value in toy_losses(soft, toy_batch()).items() if not torch.equal(value, plain[name])}
    assert changed == {'loss_itc', 'loss_region_word_lexical', 'loss_region_word_contextual'}


def test_only_the_named_terms_have_them():
    losses = [
        toy_losses(build_toy_slan(text__encoder__frozen=True, objective__soft_targets=soft), toy_batch())
        for soft in (None, dict(terms=['itc', 'lexical']))
    ]
    changed = {name for name, value in losses[1].items() if not torch.equal(value, losses[0][name])}
    assert changed == {'loss_itc', 'loss_region_word_lexical'}
    with pytest.raises(
        ValueError, match=r"soft_targets\.terms names \['itm'\], the contrastive terms are \['itc', 'lexical"
    ):
        build_toy_slan(text__encoder__frozen=True, objective__soft_targets=dict(terms=['itm']))


def test_words_left_out_in_training_still_say_how_near_texts_are():
    model = build_toy_slan(text__encoder__frozen=True, text__word_dropout=0.5, objective__soft_targets={})
    tokens = model.tokenize(['a red circle', 'a blue square above a star'])
    ids = torch.tensor([1, 2])
    targets = model.objective.soft_targets
    first = targets(model.text_branch.encoder, tokens, ids)
    torch.testing.assert_close(first, targets(model.text_branch.encoder, tokens, ids))
    torch.testing.assert_close(first.sum(1), torch.ones(2))
    assert (first.diagonal() > positives(ids, ids).diagonal() / 2).all()


@pytest.mark.parametrize(
    'overrides',
    [dict(text__encoder__frozen=False), dict(text__encoder__frozen=True, objective__itc=dict(queue_size=4))],
)
def test_trained_texts_and_queues_are_refused(overrides):
    with pytest.raises(ValueError, match=r'encoder\.frozen=True and objective\.itc\.queue_size=0'):
        build_toy_slan(objective__soft_targets={}, **overrides)
