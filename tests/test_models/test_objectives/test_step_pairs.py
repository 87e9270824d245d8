"""The pairs of a step: positives, masked ones and hard negatives, in one batch."""

import torch
from support.toy import build_toy_slan, toy_batch, toy_losses, toy_sample

from slan_mm.models.dist import seeded_uniform
from slan_mm.models.objectives.matching import draw_negatives
from slan_mm.models.objectives.step_pairs import PairSampler, image_ids


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


def test_image_ids_are_the_same_everywhere():
    ids = image_ids([toy_sample(0, image_id=name) for name in ('a', 'b', 'a')], torch.device('cpu'))
    assert ids[0] == ids[2] != ids[1] and (ids >= 0).all()
    assert ids.tolist()[0] == 2340832890917691671
