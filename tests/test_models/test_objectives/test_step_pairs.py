"""The pairs of a step: positives, masked ones and hard negatives, in one batch."""

import math

import pytest
import torch
from support.toy import build_toy_slan, toy_batch, toy_losses

from slan_mm.models.dist import seeded_uniform
from slan_mm.models.objectives.step_pairs import PairSampler, draw_negatives


def test_negative_pairs_are_those_drawn_and_no_pair_but_lms_is_masked():
    model = build_toy_slan()
    objective, rows = model.objective, []
    locate = model.locate
    model.locate = lambda *given: rows.append(given) or locate(*given)
    drawn = []
    draw = objective.sampler.negatives
    objective.sampler.negatives = lambda *args: drawn.append(draw(*args)) or drawn[0]
    batch = toy_batch()
    toy_losses(model, batch)
    data = model.data_preprocessor(batch)
    with torch.no_grad():
        texts = model.encode_text([sample.text for sample in data['data_samples']])
        pictures = model.encode_image(data['inputs'])
        scores = objective.pair_scores(pictures, texts)
    text, image, valid, lead = drawn[0]
    own = torch.arange(4)
    negative = torch.cat([scores[own, text], scores[image, own]])
    torch.testing.assert_close(lead, scores.diagonal().repeat(2) - negative, atol=1e-4, rtol=1e-4)
    assert valid.all() and (text != own).all() and (image != own).all()
    # One batch for all pairs: of each image the positive, the masked and the negative text; then negative images.
    assert len(rows) == 1
    images, words, pairs = rows[0]
    assert pairs.runs == [(4, 3), (4, 1)]
    torch.testing.assert_close(images.regions, pictures.regions[torch.cat([own, image])])
    located_texts = words.embedding[pairs.text]
    unmasked = torch.stack([own, text], 1).flatten()
    torch.testing.assert_close(located_texts[torch.tensor([0, 2, 3, 5, 6, 8, 9, 11])], texts.embedding[unmasked])
    torch.testing.assert_close(located_texts[12:], texts.embedding)
    assert (located_texts[1:12:3] - texts.embedding).abs().amax(1).min() > 1e-4


def test_hardness_tempers_the_draw():
    scores, ids = torch.randn(6, 6) * 9, torch.arange(6)
    same = torch.eye(6, dtype=torch.bool)
    for hardness in (1.0, 0.25, 0.0):
        sampler = PairSampler(hardness=hardness)
        uniform = seeded_uniform(0, 0, 0, (2, 6), ids.device)
        text, image, *_ = sampler.negatives(0, scores, ids)
        assert torch.equal(text, draw_negatives(hardness * scores, same, uniform[0])[0])
        assert torch.equal(image, draw_negatives(hardness * scores.t(), same, uniform[1])[0])
    # At 0 all others are alike: the number says which of the five it is.
    others = [[m for m in range(6) if m != n] for n in range(6)]
    assert text.tolist() == [others[n][int(5 * uniform[0, n])] for n in range(6)]


def test_one_image_has_no_negative():
    model = build_toy_slan()
    losses = toy_losses(model, toy_batch(image_ids=dict.fromkeys(range(4), 'same')))
    half = torch.nn.functional.binary_cross_entropy_with_logits
    with torch.no_grad():
        data = model.data_preprocessor(toy_batch())
        image = model.encode_image(data['inputs'])
        text = model.encode_text([sample.text for sample in data['data_samples']])
        logits = model.itm_scores(image, text)
    torch.testing.assert_close(losses['loss_itm'].detach(), half(logits, torch.ones(4)) / 2)
    assert torch.isfinite(model.parse_losses(losses)[0])


def repeated(row, same, count=20000):
    generator = torch.Generator().manual_seed(0)
    similarity = torch.tensor([row]).expand(count, -1)
    return draw_negatives(similarity, torch.tensor([same]).expand(count, -1), torch.rand(count, generator=generator))


def test_negatives_follow_the_similarity_and_are_never_a_true_pair():
    row, same = [9.0, 1.0, 0.0, 2.0, 9.0], [True, False, False, False, True]
    column, valid = repeated(row, same)
    assert valid.all()
    share = torch.bincount(column, minlength=5) / len(column)
    weights = [0, math.exp(1), 1, math.exp(2), 0]
    torch.testing.assert_close(share, torch.tensor([w / sum(weights) for w in weights]), atol=0.01, rtol=0)
    assert share[0] == share[4] == 0


@pytest.mark.parametrize('similarity', [[300.0, -300.0, -300.0], [-1e4, 0.0, 0.0], [0.0, -1e4, 1e4]])
def test_extreme_similarities_never_yield_a_true_pair(similarity):
    same = torch.tensor([[True, False, False]])
    for uniform in (0.0, 0.5, 1 - 1e-7):
        column, valid = draw_negatives(torch.tensor([similarity]), same, torch.tensor([uniform]))
        assert valid.all() and column.item() in (1, 2)


def test_rows_without_negative_are_marked():
    same = torch.tensor([[True, True], [True, False]])
    column, valid = draw_negatives(torch.zeros(2, 2), same, torch.tensor([0.7, 0.7]))
    assert valid.tolist() == [False, True] and column[1] == 1 and 0 <= column[0] < 2


def test_draw_is_decided_by_the_numbers_given():
    similarity, same = torch.randn(6, 6), torch.eye(6, dtype=torch.bool)
    uniform = torch.rand(6)
    first, _ = draw_negatives(similarity, same, uniform)
    assert torch.equal(first, draw_negatives(similarity, same, uniform)[0])
    for row in range(6):
        alone, _ = draw_negatives(similarity[row : row + 1], same[row : row + 1], uniform[row : row + 1])
        assert alone[0] == first[row]


def test_without_masking_and_before_negatives_the_positives_are_alone():
    model = build_toy_slan(objective__weights=dict(lm=0.0), objective__itm_start=5)
    losses = toy_losses(model, toy_batch())
    assert float(losses['loss_itm']) == 0 and 'loss_lm' not in losses and float(losses['loss_reg']) > 0
