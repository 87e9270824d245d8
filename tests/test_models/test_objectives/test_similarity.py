"""What each word finds among an image's regions, as a part of ITM."""

import math

import pytest
import torch
from support.toy import build_toy_slan, toy_batch, toy_losses
from torch.nn.functional import gelu, normalize

from slan_mm.models.objectives import SimilarityFiltration
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, TextFeatures


def unit(*shape):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))), dim=-1)


def features(images=2, texts=3, regions=4, words=5, dims=None):
    dims = dims or {'lexical': 6, 'contextual': 8}
    none = torch.zeros(images, 0)
    space = {term: unit(images, regions, width) for term, width in dims.items()}
    mask = torch.ones(texts, words, dtype=torch.bool)
    mask[0, 3:] = False
    image = ImageFeatures(none, none, none, [], {}, {}, none, pair_space=space)
    text = TextFeatures(
        torch.zeros(texts, words, 3),
        mask,
        mask,
        {term: unit(texts, words, width) for term, width in dims.items()},
        none,
    )
    return image, text


def filtration(**options):
    torch.manual_seed(3)
    module = SimilarityFiltration({'lexical': 6, 'contextual': 8}, channels=7, **options).eval()
    torch.nn.init.normal_(module.score[-1].weight)
    return module


def test_against_loops():
    module, (image, text) = filtration(sharpness=5.0), features()
    image_rows, text_rows = torch.tensor([0, 0, 1]), torch.tensor([0, 2, 1])
    logits = module(image, text, image_rows, text_rows)
    for pair, (i, t) in enumerate(zip(image_rows.tolist(), text_rows.tolist(), strict=True)):
        weights, values = [], []
        for place in text.word_mask[t].nonzero().flatten().tolist():
            vector = []
            for term, projection in module.projection.items():
                word, regions = text.word_space[term][t, place], image.pair_space[term][i]
                cosines = [float(word @ region) for region in regions]
                total = sum(math.exp(5 * cosine) for cosine in cosines)
                found = sum(
                    math.exp(5 * cosine) / total * region for cosine, region in zip(cosines, regions, strict=True)
                )
                found = found / found.norm()
                scale = len(word) ** 0.5
                compared = [scale * a * b for a, b in zip(word, found, strict=True)]
                compared += [scale * (a - b) ** 2 for a, b in zip(word, found, strict=True)]
                vector.append(projection(torch.stack([*compared, torch.tensor(max(cosines))])))
            vector = torch.cat(vector)
            weights.append(math.exp(module.weight(vector)))
            values.append(float(module.score[-1](gelu(module.score[0](vector)))))
        expected = sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)
        assert logits[pair].item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_training_starts_where_the_shortlist_stands():
    image, text = features()
    rows = torch.tensor([0, 1])
    module = SimilarityFiltration({'lexical': 6, 'contextual': 8})
    logits = module(image, text, rows, rows)
    assert logits.tolist() == [0, 0]
    logits.sum().backward()
    assert module.score[-1].weight.grad.abs().sum() > 0


def test_padding_never_changes_a_logit():
    module, (image, text) = filtration(), features()
    rows = torch.tensor([1, 0]), torch.tensor([0, 1])
    expected = module(image, text, *rows)
    longer = TextFeatures.cat(
        [
            text,
            TextFeatures(
                torch.zeros(1, 9, 3),
                *[torch.ones(1, 9, dtype=torch.bool)] * 2,
                {term: unit(1, 9, space.shape[-1]) for term, space in text.word_space.items()},
                torch.zeros(1, 0),
            ),
        ]
    )
    torch.testing.assert_close(module(image, longer, *rows), expected)


def test_itm_adds_it_in_training_and_in_prediction():
    plain = build_toy_slan().eval()
    model = build_toy_slan(objective__similarity=dict(channels=4)).eval()
    model.load_state_dict(plain.state_dict(), strict=False)
    data = model.data_preprocessor(toy_batch())
    texts = [sample.text for sample in data['data_samples']]
    with torch.no_grad():
        image, text = model.encode_image(data['inputs']), model.encode_text(texts)
        assert plain.encode_image(data['inputs']).pair_space == {}
        pairs = PairIndex.all_pairs(len(image), len(text))
        before = plain.itm_scores(image, text, pairs)
        torch.testing.assert_close(model.itm_scores(image.for_pairs(), text, pairs), before)
        torch.nn.init.ones_(model.objective.similarity.score[-1].weight)
        added = model.objective.similarity(image, text, pairs.image, pairs.text)
        torch.testing.assert_close(model.itm_scores(image.for_pairs(), text, pairs), before + added)
        torch.testing.assert_close(model.itm_scores(image, text), (before + added).view(4, 4).diagonal())
    plain_loss, loss = (toy_losses(one.eval(), toy_batch())['loss_itm'] for one in (plain, model))
    assert not torch.isclose(plain_loss, loss)
    loss.backward()
    assert all(parameter.grad is None for parameter in model.objective.similarity.parameters()), 'it has its own loss'


def test_its_loss_is_contrast_of_the_mixed_score_and_the_logits():
    module, (image, text) = filtration(), features(images=3)
    scores = torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    rows = torch.arange(3)
    loss = module.loss(image, text, scores, rows)
    total = scores + torch.stack([module(image, text, torch.full((3,), number), rows) for number in rows])
    expected = -(total.log_softmax(1).diagonal() + total.log_softmax(0).diagonal()).mean()
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert scores.grad is None and all(parameter.grad is not None for parameter in module.parameters())
    # Two images of one id are both right.
    same = module.loss(image, text, scores, torch.tensor([0, 0, 1]))
    target = torch.tensor([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    expected = -(target * (total.log_softmax(1) + total.t().log_softmax(1))).sum(1).mean()
    torch.testing.assert_close(same, expected)


def frozen_names(model):
    return {name for name, value in model.named_parameters() if not value.requires_grad}


def test_frozen_contrast_trains_locator_and_itm_alone():
    model = build_toy_slan(
        objective__frozen_contrast=True, objective__similarity={}, objective__weights=dict(lm=0.0, reg=0.0)
    ).train()
    both = build_toy_slan(objective__similarity={}, objective__weights=dict(lm=0.0, reg=0.0)).eval()
    losses = toy_losses(model, toy_batch())
    assert {name for name in losses if name.startswith('loss_')} == {
        'loss_itm',
        'loss_similarity',
        'loss_reg',
        'loss_saliency',
    }
    model.parse_losses(losses)[0].backward()
    trained = {name.split('.')[0] for name, value in model.named_parameters() if value.grad is not None}
    assert trained == {'locator', 'objective'}
    assert not model.image_branch.training and not model.objective.mixer.training and model.locator.training
    frozen = {name.split('.')[0] for name in frozen_names(model) - frozen_names(both)}
    assert frozen == {'image_branch', 'text_branch', 'objective'}
    assert not any(name.startswith(('objective.itm_head', 'objective.similarity')) for name in frozen_names(model))
    # Negatives follow the mixed score as ever, and ITM's loss is that of a model that trains both.
    both.load_state_dict(model.state_dict())
    torch.testing.assert_close(
        toy_losses(both, toy_batch())['loss_itm'], toy_losses(model.eval(), toy_batch())['loss_itm']
    )
