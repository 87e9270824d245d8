"""Eq. 8-9 and how one batch of pairs becomes all losses."""

import pytest
import torch
from support.toy import build_toy_slan, literal_config, toy_batch, toy_config, toy_losses, toy_sample

from slan_mm.models.dist import gather, gather_padded, global_mean, local_rows, seeded_uniform
from slan_mm.models.objectives.masked_lm import mask_tokens
from slan_mm.models.objectives.matching import draw_negatives
from slan_mm.models.objectives.step_pairs import image_ids


def losses_of(**overrides):
    return toy_losses(build_toy_slan(**overrides), toy_batch())


def test_the_sum_is_of_weighted_losses():
    weights = dict(itc=2.0, region_word=0.5, itm=3.0, lm=0.25, reg=5.0, saliency=0.1)
    model = build_toy_slan()
    plain = toy_losses(model, toy_batch())
    weighted_model = build_toy_slan(objective__weights=weights)
    weighted = toy_losses(weighted_model, toy_batch())
    terms = {
        'loss_itc': 'itc',
        'loss_region_word_lexical': 'region_word',
        'loss_region_word_contextual': 'region_word',
        'loss_itm': 'itm',
        'loss_lm': 'lm',
        'loss_reg': 'reg',
        'loss_saliency': 'saliency',
    }
    for name, weight in terms.items():
        assert plain[name] > 0
        torch.testing.assert_close(weighted[name], plain[name] * weights[weight])
    for model_, losses in ((model, plain), (weighted_model, weighted)):
        total, log = model_.parse_losses(losses)
        expected = sum(float(losses[name]) for name in (*terms, 'loss_mixer'))
        assert total.item() == pytest.approx(expected, rel=1e-5) == log['loss'].item()


def test_the_literal_paper_has_its_four_losses_only():
    losses = toy_losses(build_toy_slan(config=literal_config()), toy_batch())
    assert {name for name in losses if 'loss' in name} == {'loss_itc', 'loss_itm', 'loss_lm', 'loss_reg'}


def test_without_masked_language_model_no_text_is_masked():
    model = build_toy_slan(objective__weights=dict(lm=0.0))
    pairs = []
    model.locator.register_forward_hook(lambda module, args, output: pairs.append(len(output)))
    losses = toy_losses(model, toy_batch())
    assert 'loss_lm' not in losses and not hasattr(model.objective, 'lm_head')
    assert pairs == [12]  # four positive pairs, and two negatives each


def test_no_adaptor_no_regression():
    assert 'loss_reg' not in losses_of(locator__adaptors=[])


@torch.no_grad()
def test_each_loss_from_public_parts():
    model = build_toy_slan()
    batch = toy_batch()
    losses = toy_losses(model, batch)
    model.objective.iteration.zero_()
    data = model.data_preprocessor(batch)
    tokens = model.tokenize([sample.text for sample in data['data_samples']])
    image, text = model.encode_image(data['inputs']), model.encode_text(tokens)
    ids = image_ids(data['data_samples'], tokens.input_ids.device)
    objective = model.objective
    torch.testing.assert_close(losses['loss_itc'], objective.itc(image.embedding, text.embedding, ids))
    for term in ('lexical', 'contextual'):
        expected, _ = objective.region_word[term](image.region_space[term], text.word_space[term], text.word_mask, ids)
        torch.testing.assert_close(losses[f'loss_region_word_{term}'], expected)

    located = model.locate(image, text)
    torch.testing.assert_close(
        losses['loss_reg'], objective.regression(located.boxes, located.region_mask, located.weight)
    )
    target = located.saliency.sigmoid()
    expected = torch.nn.functional.binary_cross_entropy(image.saliency.sigmoid(), target)
    torch.testing.assert_close(losses['loss_saliency'], expected)

    encoder = model.text_branch.encoder
    masked, labels = objective.masking(0, tokens, encoder)
    fused = model.locate(image, model.encode_text(masked)).words
    torch.testing.assert_close(losses['loss_lm'], objective.lm_head.loss(fused, labels, encoder.word_embeddings.weight))


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
        sampler = build_toy_slan(objective__hardness=hardness).objective.sampler
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


def test_a_batch_of_one_pair():
    model = build_toy_slan()
    loss, _ = model.parse_losses(toy_losses(model, toy_batch([3])))
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_itm_starts_late_and_its_head_stays_in_the_graph():
    model = build_toy_slan(objective__itm_start=2)
    for step in range(3):
        losses = toy_losses(model, toy_batch())
        assert int(model.objective.iteration) == step + 1
        assert (losses['loss_itm'] > 0) == (step == 2) and ('itm_accuracy' in losses) == (step == 2)
        losses['loss_itm'].backward()
        assert all(p.grad is not None for p in model.objective.itm_head.parameters())
        model.zero_grad()
    model.eval()
    toy_losses(model, toy_batch())
    assert int(model.objective.iteration) == 3


def test_locator_starts_late_and_stays_in_the_graph():
    model = build_toy_slan(objective__locator_start=1)
    whole = build_toy_slan()
    for step in range(2):
        losses, expected = toy_losses(model, toy_batch()), toy_losses(whole, toy_batch())
        located = {'loss_itm', 'loss_lm', 'loss_reg', 'loss_saliency'}
        assert {key for key in losses if key.startswith('loss_')} == {key for key in expected if 'loss_' in key}
        assert all((losses[key] > 0) == (step == 1) for key in located)
        assert ('itm_accuracy' in losses) == (step == 1)
        for key in set(losses) - (located if step == 0 else set()):
            torch.testing.assert_close(losses[key], expected[key])
        model.zero_grad()
        model.parse_losses(losses)[0].backward()
        assert all(p.grad is not None for p in model.locator.adaptors.parameters() if p.requires_grad)
        assert any(p.grad.any() for p in model.locator.adaptors.parameters() if p.requires_grad) == (step == 1)


CASES = {
    'locator not started': lambda: toy_config(objective__locator_start=5),
    'default': lambda: toy_config(),
    'queue and momentum': lambda: toy_config(objective__itc=dict(queue_size=6, distill=0.4), objective__momentum=0.9),
    'itm not started': lambda: toy_config(objective__itm_start=5),
    'paper heads': lambda: toy_config(
        objective__itm=dict(type='LiteralITMHead'), objective__region_word=None, space_dims=dict(lexical=8)
    ),
    'image-only saliency': lambda: toy_config(locator__region_filter=dict(type='ImageSaliencyFilter')),
    'no masked language model': lambda: toy_config(objective__weights=dict(lm=0.0)),
    'distinct regions, hidden layer, mean of tokens': lambda: toy_config(
        locator__region_filter=dict(type='RegionFilter', top=4, max_overlap=0.2), itc_hidden=14, text__embedding='mean'
    ),
    'literal': literal_config,
}
# By the letter of Alg. 1 line 11 overwrites the regions that line 4 has attended: their projections learn nothing.
UNUSED = {'literal': ('attention.word_value', 'attention.region_out')}


@pytest.mark.parametrize('case', CASES)
def test_every_trainable_parameter_gets_a_finite_gradient(case):
    """What distributed training without ``find_unused_parameters`` asks for."""
    model = build_toy_slan(config=CASES[case]())
    for _ in range(2):
        loss, _ = model.parse_losses(toy_losses(model, toy_batch()))
        loss.backward()
    unused = UNUSED.get(case, ())
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if any(part in name for part in unused):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_image_ids_are_the_same_everywhere():
    ids = image_ids([toy_sample(0, image_id=name) for name in ('a', 'b', 'a')], torch.device('cpu'))
    assert ids[0] == ids[2] != ids[1] and (ids >= 0).all()
    assert ids.tolist()[0] == 2340832890917691671


def test_random_numbers_are_decided_by_seed_iteration_and_kind():
    def draw(seed: int, iteration: int, kind: int) -> torch.Tensor:
        return seeded_uniform(seed, iteration, kind, (50,), torch.device('cpu'))

    numbers = draw(0, 0, 0)
    assert torch.equal(numbers, draw(0, 0, 0)) and numbers.min() >= 0 and numbers.max() < 1
    for other in (draw(0, 0, 1), draw(0, 1, 0), draw(1, 0, 0)):
        assert not torch.equal(numbers, other)
    first, second = (build_toy_slan(objective__seed=seed).objective for seed in (0, 1))
    assert first.sampler.seed == first.masking.seed == 0 and second.sampler.seed == second.masking.seed == 1


def test_masking_is_of_words_only_and_changes_with_the_iteration():
    model = build_toy_slan(objective__mask_probability=0.5)
    encoder = model.text_branch.encoder
    tokens = model.tokenize(['a red circle and a blue square', 'a green triangle'])
    masked, labels = model.objective.masking(0, tokens, encoder)
    chosen = labels != -100
    assert chosen.any(1).all() and not (chosen & ~tokens.word_mask).any()
    uniform = seeded_uniform(0, 0, 1, (3, 2, encoder.max_words), torch.device('cpu'))[..., : labels.shape[1]]
    expected, _ = mask_tokens(
        tokens.input_ids, tokens.word_mask, uniform, encoder.tokenizer.mask_token_id, len(encoder.tokenizer), 0.5
    )
    assert torch.equal(masked.input_ids, expected) and masked.mask is tokens.mask
    assert not torch.equal(model.objective.masking(1, tokens, encoder)[1], labels)


# -------------------------------------------------------------------------------------------------------- momentum


def test_momentum_encoders_follow_the_model():
    model = build_toy_slan(objective__momentum=0.75)
    average, branch = model.objective.momentum[0].module, model.image_branch
    toy_losses(model, toy_batch())
    old = branch.itc_projection.weight.detach().clone()
    torch.testing.assert_close(average.itc_projection.weight, old)  # starts as a copy
    with torch.no_grad():
        branch.itc_projection.weight += 1.0
    toy_losses(model, toy_batch())
    torch.testing.assert_close(average.itc_projection.weight, 0.75 * old + 0.25 * (old + 1))
    model.eval()
    toy_losses(model, toy_batch())
    torch.testing.assert_close(average.itc_projection.weight, old + 0.25)
    assert not any(p.requires_grad for p in model.objective.momentum.parameters())


def test_momentum_encoders_survive_a_move():
    """To another device or precision, after which a module's tensors are others than when it was built."""
    model = build_toy_slan(objective__momentum=0.75)
    with torch.no_grad():
        model.image_branch.itc_projection.weight += 1.0
    model.double().float()
    toy_losses(model, toy_batch())
    average = model.objective.momentum[0].module
    torch.testing.assert_close(average.itc_projection.weight, model.image_branch.itc_projection.weight)


def test_momentum_embeddings_feed_itc():
    model = build_toy_slan(objective__momentum=0.5, objective__itc=dict(queue_size=4))
    toy_losses(model, toy_batch())
    with torch.no_grad():
        for parameter in model.image_branch.itc_projection.parameters():
            parameter.normal_()
    losses = toy_losses(model, toy_batch())
    data = model.data_preprocessor(toy_batch())
    with torch.no_grad():
        slow = model.objective.momentum[0](data['inputs']).embedding
        fast = model.encode_image(data['inputs']).embedding
    queued = model.objective.itc.queue.content()[0]
    torch.testing.assert_close(queued, slow)
    assert (queued - fast).abs().max() > 1e-2 and losses['loss_itc'].isfinite()


# -------------------------------------------------------------------------------------------------- one rank alone


def test_one_rank_gathers_nothing():
    values = torch.randn(2, 3)
    assert gather(values) is values and gather_padded(values) is values and local_rows(3) == slice(0, 3)
    assert (
        global_mean(torch.tensor(6.0), torch.tensor(4)) == 1.5 and global_mean(torch.tensor(0.0), torch.tensor(0)) == 0
    )


def test_a_misspelt_weight_is_refused():
    with pytest.raises(ValueError, match=r"weights names \['regression'\], the losses are \['itc', 'itm', 'lm'"):
        build_toy_slan(objective__weights=dict(regression=2.0))
