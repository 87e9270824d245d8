"""Eq. 4: the head and its losses."""

import math

import pytest
import torch
from torch.nn.functional import gelu

from slan_mm.models.objectives import ITMHead, LiteralITMHead
from slan_mm.models.objectives.matching import itm_loss, rerank_loss
from slan_mm.models.objectives.step_pairs import Negatives
from slan_mm.structures import Located


def located(pairs=2, dims=3, words=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(pairs, words, dtype=torch.bool)
    mask[0, 3:] = False
    everything = torch.randn(pairs, words, dims, generator=generator)
    return Located(
        regions=torch.randn(pairs, 2, dims, generator=generator),
        words=everything,
        region_mask=torch.ones(pairs, 2, dtype=torch.bool),
        token_mask=mask,
        word_mask=mask,
        boxes=[],
        index=torch.zeros(pairs, 2, dtype=torch.long),
        weight=torch.ones(pairs, 2),
        saliency=torch.zeros(pairs, 2),
        vision_cls=torch.randn(pairs, dims, generator=generator),
        text_cls=everything[:, 0],
    )


def linear(x, layer):
    return [
        sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(layer.weight, layer.bias, strict=True)
    ]


def mlp(x, layers):
    hidden = [gelu(value) for value in linear(x, layers[0])]
    return linear(hidden, layers[2])[0]


def test_linear_head_is_equation_4():
    head = LiteralITMHead(3)
    pairs = located()
    logits = head(pairs)
    for p in range(2):
        joined = [*pairs.vision_cls[p], *pairs.text_cls[p]]
        torch.testing.assert_close(logits[p], linear(joined, head.classifier)[0])


def test_noisy_and_against_loops():
    head, pairs = ITMHead(3), located()
    logits = head(pairs)
    for p in range(2):
        words = [word for word, takes_part in zip(pairs.words[p], pairs.token_mask[p], strict=True) if takes_part]
        mean = sum(words) / len(words)
        expected = mlp([*pairs.vision_cls[p], *mean, *(pairs.vision_cls[p] * mean)], head.classifier)
        expected = expected - math.log(sum(math.exp(-mlp(word, head.word_score)) for word in words))
        torch.testing.assert_close(logits[p], expected)


def test_noisy_and_falls_with_its_worst_word():
    head = ITMHead(3)
    for parameter in head.classifier.parameters():
        torch.nn.init.zeros_(parameter)
    head.word_score = torch.nn.Linear(3, 1)
    torch.nn.init.zeros_(head.word_score.bias)
    torch.nn.init.ones_(head.word_score.weight)
    pairs = located(1)
    pairs.words[0] = torch.tensor([[5.0, 0, 0], [5.0, 0, 0], [-7.0, 0, 0], [99.0, 0, 0]])
    assert head(pairs).item() == pytest.approx(-math.log(2 * math.exp(-5) + math.exp(7)), rel=1e-5)


@pytest.mark.parametrize('kind', [LiteralITMHead, ITMHead])
def test_padding_never_changes_a_logit(kind):
    head, pairs = kind(3), located()
    expected = head(pairs)
    pairs.words = torch.cat([pairs.words, torch.full((2, 2, 3), 50.0)], 1)
    pairs.words[0, 3] = -50.0
    padded = torch.cat([pairs.word_mask, torch.zeros(2, 2, dtype=torch.bool)], 1)
    pairs.word_mask, pairs.token_mask = padded, padded
    torch.testing.assert_close(head(pairs), expected)
    torch.testing.assert_close(head(pairs[1:]), expected[1:])


def test_loss_by_hand_is_balanced():
    """One positive at even odds (ln 2); two negatives, at even odds and at 1 : 3: each kind is half of the loss."""
    logits = torch.tensor([0.0, 0.0, -math.log(3), 40.0])
    labels = torch.tensor([True, False, False, False])
    loss, accuracy = itm_loss(logits, labels, torch.tensor([True, True, True, False]))
    assert loss.item() == pytest.approx((math.log(2) + (math.log(2) + math.log(4 / 3)) / 2) / 2)
    # A logit of 0 says no: the positive is missed, both valid negatives are right.
    assert accuracy.item() == pytest.approx(2 / 3)


def test_no_negative_leaves_the_positive_half():
    logits = torch.tensor([0.0, 3.0], requires_grad=True)
    loss, _ = itm_loss(logits, torch.tensor([True, False]), torch.tensor([True, False]))
    assert loss.item() == pytest.approx(math.log(2) / 2)
    loss.backward()
    assert logits.grad[1] == 0


def test_rerank_loss_is_of_the_lead_over_each_negative():
    """Two pairs; the second has no negative image. ITM leads by 1, 0, -2; ITC by 0, ln 3, 2."""
    logits = torch.tensor([1.0, 0.0, 0.0, 0.0, 3.0, 50.0], requires_grad=True)
    lead = torch.tensor([0.0, math.log(3), 2.0, 0.0], requires_grad=True)
    valid = torch.tensor([True, True, True, False])
    loss = rerank_loss(logits, Negatives(torch.tensor([1, 0]), torch.tensor([1, 0]), valid, lead))
    expected = (math.log(1 + math.exp(-1)) + math.log(1 + 1 / 3) + math.log(2)) / 3
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    # The mixed score is taken as it is; pairs without a negative teach nothing.
    assert lead.grad is None and logits.grad[5] == 0
    assert logits.grad[0] < 0 < logits.grad[2]


def test_the_lead_of_the_mixed_score_may_count_less():
    """ITM leads by 1 and -2, ITC by 2 and 4, of which .5 counts: leads of 2 and 0."""
    negatives = Negatives(torch.tensor([0]), torch.tensor([0]), torch.tensor([True, True]), torch.tensor([2.0, 4.0]))
    loss = rerank_loss(torch.tensor([1.0, 0.0, 3.0]), negatives, lead_weight=0.5)
    assert loss.item() == pytest.approx((math.log(1 + math.exp(-2)) + math.log(2)) / 2)
