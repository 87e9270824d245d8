"""SLAN as a whole: the public methods, its invariances, and that it learns."""

import copy

import pytest
import torch
from support.toy import TEXTS, build_toy_slan, literal_config, toy_batch, toy_losses, toy_picture, toy_sample

from slan_mm.registry import MODELS
from slan_mm.structures import Batched, TextFeatures

CLOSE = dict(atol=2e-5, rtol=1e-4)


@pytest.fixture(scope='module')
def model():
    return build_toy_slan().eval()


@pytest.fixture(scope='module')
def literal():
    return build_toy_slan(config=literal_config()).eval()


def pictures(*indices):
    return torch.stack([toy_picture(index) for index in indices]).float() / 64 - 2


def leaves(value):
    if isinstance(value, Batched):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def assert_same(first, second):
    for one, other in zip(leaves(first), leaves(second), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


# ------------------------------------------------------------------------------------------------- invariances


@torch.no_grad()
@pytest.mark.parametrize('which', ['model', 'literal'])
def test_an_image_is_the_same_in_every_batch(which, request):
    model = request.getfixturevalue(which)
    together = model.encode_image(pictures(0, 1, 2, 3))
    for row in range(4):
        assert_same(model.encode_image(pictures(row)), together[row : row + 1])
    assert_same(model.encode_image(pictures(3, 1)), together[torch.tensor([3, 1])])
    assert (together.embedding[0] - together.embedding[1]).abs().max() > 1e-3


@torch.no_grad()
def test_a_text_is_the_same_in_every_batch_and_under_every_padding(model):
    together = model.encode_text(list(TEXTS[:4]))
    for row in range(4):
        alone = model.encode_text([TEXTS[row]])
        length = alone.words.shape[1]
        assert together.mask[row].sum() == length == alone.mask.sum()
        for name in ('words', 'mask', 'word_mask'):
            torch.testing.assert_close(getattr(together, name)[row, :length], getattr(alone, name)[0], **CLOSE)
        torch.testing.assert_close(together.embedding[row], alone.embedding[0], **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize('which', ['model', 'literal'])
def test_a_pair_is_located_the_same_in_every_batch_and_under_every_padding(which, request):
    model = request.getfixturevalue(which)
    image, text = model.encode_image(pictures(0, 1, 2)), model.encode_text(list(TEXTS[:3]))
    images, texts = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([0, 2, 1, 1, 0])
    together = model.locate(image[images], text[texts])
    for pair, (i, t) in enumerate(zip(images.tolist(), texts.tolist(), strict=True)):
        alone_text = model.encode_text([TEXTS[t]])
        alone = model.locate(model.encode_image(pictures(i)), alone_text)
        length = alone_text.words.shape[1]
        assert torch.equal(alone.region_mask[0], together.region_mask[pair])
        kept = alone.region_mask[0]
        for name in ('vision_cls', 'text_cls', 'saliency'):
            torch.testing.assert_close(getattr(alone, name)[0], getattr(together, name)[pair], **CLOSE)
        for name in ('regions', 'index', 'weight'):
            torch.testing.assert_close(getattr(alone, name)[0, kept], getattr(together, name)[pair, kept], **CLOSE)
        torch.testing.assert_close(alone.words[0], together.words[pair, :length], **CLOSE)
        for level, boxes in enumerate(alone.boxes):
            torch.testing.assert_close(boxes[0, kept], together.boxes[level][pair, kept], **CLOSE)


@torch.no_grad()
def test_garbage_at_padding_changes_nothing(model):
    image, text = model.encode_image(pictures(0)), model.encode_text([TEXTS[1]])
    longer = TextFeatures.cat([text, model.encode_text([TEXTS[2]])])[:1]
    assert longer.words.shape[1] > text.words.shape[1]
    filled = copy.deepcopy(longer)
    filled.words[~filled.mask] = 40.0
    for space in filled.word_space.values():
        space[~filled.mask] = -30.0
    expected, padded, garbage = (model.locate(image, features) for features in (text, longer, filled))
    for other in (padded, garbage):
        for name in ('vision_cls', 'text_cls', 'regions', 'saliency', 'boxes'):
            assert_same(getattr(other, name), getattr(expected, name))
    torch.testing.assert_close(model.itm_scores(image, filled), model.itm_scores(image, text), **CLOSE)
    torch.testing.assert_close(model.shortlist_scores(image, filled), model.shortlist_scores(image, text), **CLOSE)


@torch.no_grad()
def test_scores_of_all_pairs_and_of_row_wise_pairs(model):
    image, text = model.encode_image(pictures(0, 1, 2)), model.encode_text(list(TEXTS[:4]))
    scores = model.shortlist_scores(image, text)
    assert scores.shape == (3, 4)
    torch.testing.assert_close(model.shortlist_scores(image[1:2], text[2:3]), scores[1:2, 2:3], **CLOSE)
    # Global, lexical and contextual terms, each over its temperature; all weights start at 1.
    terms = model.objective.term_scores(image, text)
    assert set(terms) == {'itc', 'lexical', 'contextual'}
    torch.testing.assert_close(terms['itc'], image.embedding @ text.embedding.t() / 0.07)
    torch.testing.assert_close(scores, sum(terms.values()), atol=2e-2, rtol=1e-3)
    rows = torch.tensor([0, 1, 2, 0])
    matched = model.itm_scores(image[rows], text)
    assert matched.shape == (4,)
    torch.testing.assert_close(model.itm_scores(image[rows[3:]], text[3:]), matched[3:], **CLOSE)
    torch.testing.assert_close(matched, model.objective.itm_head(model.locate(image[rows], text)))


def test_predictions_are_the_same_in_every_batch(model):
    def sample(index):
        phrases = [dict(spans=[[0, 8]], boxes=torch.zeros(1, 4), category=None, phrase_id='0')]
        return toy_sample(index, phrases=phrases)

    def predict(*indices):
        return model.val_step(dict(inputs=[toy_picture(i) for i in indices], data_samples=[sample(i) for i in indices]))

    together = predict(0, 1, 2)
    for index in range(3):
        (alone,) = predict(index)
        for level, other in zip(alone.pred_phrases[0], together[index].pred_phrases[0], strict=True):
            torch.testing.assert_close(level['boxes'], other['boxes'], atol=2e-3, rtol=0)
            torch.testing.assert_close(level['scores'], other['scores'], **CLOSE)


def test_features_in_half_precision_serve_too(model):
    """As evaluation keeps them: stored in half, read back in full precision."""
    with torch.no_grad():
        image, text = model.encode_image(pictures(0, 1)), model.encode_text(list(TEXTS[:2]))
        stored = [record.to(dtype=torch.float16).to(dtype=torch.float32) for record in (image, text)]
        torch.testing.assert_close(
            model.shortlist_scores(*stored), model.shortlist_scores(image, text), atol=0.05, rtol=0
        )
        torch.testing.assert_close(model.itm_scores(*stored), model.itm_scores(image, text), atol=0.05, rtol=0)


# ------------------------------------------------------------------------------------------------------- modes


def test_modes(model):
    batch = model.data_preprocessor(toy_batch([0, 1]))
    located = model(**batch)
    assert located.boxes[0].shape[0] == 2
    assert model(**batch, mode='predict')[0].pred_phrases == []
    with pytest.raises(ValueError, match="got 'train'"):
        model(**batch, mode='train')


def test_builds_without_a_default_scope_and_from_any_registry():
    config = dict(literal_config(), type='slan_mm.SLAN')
    assert type(MODELS.parent.build(config)).__name__ == 'SLAN'


@pytest.mark.parametrize('terms', [(), ('contextual',), ('contextual', 'lexical'), ('lexical', 'visual')])
def test_maps_are_lexical_first(terms):
    with pytest.raises(ValueError, match='map_terms'):
        build_toy_slan(map_terms=terms)


def test_the_lexical_space_is_asked_for():
    with pytest.raises(ValueError, match="needs the term 'lexical'"):
        build_toy_slan(space_dims=dict(contextual=8))


def test_state_dict_brings_everything_back():
    first = build_toy_slan(objective__itc=dict(queue_size=6), objective__momentum=0.9)
    second = build_toy_slan(seed=1, objective__itc=dict(queue_size=6), objective__momentum=0.9)
    for _ in range(2):
        toy_losses(first, toy_batch())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    one, other = toy_losses(first, toy_batch(range(4, 8))), toy_losses(second, toy_batch(range(4, 8)))
    assert all(torch.equal(one[name], other[name]) for name in one)


# ------------------------------------------------------------------------------------------------------ learning


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_losses_and_gradients_are_finite_and_near(dtype):
    model = build_toy_slan()
    exact = toy_losses(model, toy_batch())
    model.objective.iteration.zero_()
    with torch.autocast('cpu', dtype):
        half = toy_losses(model, toy_batch())
    for name in ('loss_itc', 'loss_region_word_lexical', 'loss_region_word_contextual', 'loss_lm', 'loss_saliency'):
        torch.testing.assert_close(half[name].float(), exact[name], atol=0.1, rtol=0.05)
    loss, _ = model.parse_losses(half)
    loss.backward()
    for name, parameter in model.named_parameters():
        assert not parameter.requires_grad or parameter.grad.isfinite().all(), name


def fit(model, batch, steps):
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    history = []
    for _ in range(steps):
        loss, log = model.parse_losses(toy_losses(model, batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append({name: float(value) for name, value in log.items()})
    return history[0], history[-1]


def test_a_few_steps_overfit_a_fixed_batch():
    model, batch = build_toy_slan(), toy_batch(range(6))
    first, last = fit(model, batch, 28)
    assert last['loss'] < 0.6 * first['loss']
    shares = dict(loss_itc=0.85, loss_region_word_lexical=0.3, loss_region_word_contextual=0.3, loss_lm=0.85)
    for name, share in shares.items():
        assert last[name] < share * first[name], name
    with torch.no_grad():
        data = model.eval().data_preprocessor(batch)
        image = model.encode_image(data['inputs'])
        text = model.encode_text([sample.text for sample in data['data_samples']])
        assert model.shortlist_scores(image, text).argmax(1).tolist() == list(range(6))


def test_the_literal_paper_learns_to_fill_in():
    """Its L_reg is not asked to fall: with scalar sizes it has no stable size (docs/paper_to_code.md)."""
    first, last = fit(build_toy_slan(config=literal_config()), toy_batch(range(6)), 20)
    assert last['loss_lm'] < 0.85 * first['loss_lm'] and last['loss'] < first['loss']
