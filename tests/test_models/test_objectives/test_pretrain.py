"""Eq. 8-9 and how one batch of pairs becomes all losses."""

import pytest
import torch
from support.toy import build_toy_slan, literal_config, toy_batch, toy_config, toy_losses

from slan_mm.models.objectives.contrast import image_ids


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


def test_a_misspelt_weight_is_refused():
    with pytest.raises(ValueError, match=r"weights names \['regression'\], the losses are \['itc', 'itm', 'lm'"):
        build_toy_slan(objective__weights=dict(regression=2.0))
