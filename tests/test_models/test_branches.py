"""The two branches: what each yields before it meets the other modality."""

import pytest
import torch
from support.toy import TEXTS, build_toy_slan, toy_picture
from torch.nn.functional import normalize


@pytest.fixture(scope='module')
def model():
    return build_toy_slan().eval()


@pytest.fixture(scope='module')
def pictures():
    return torch.stack([toy_picture(index) for index in range(3)]).float() / 64 - 2


@torch.no_grad()
def test_shapes(model, pictures):
    image = model.encode_image(pictures)
    assert image.boxes.shape == (3, 13, 4) and image.saliency.shape == (3, 13) and image.regions.shape == (3, 13, 16)
    assert [tuple(level.shape) for level in image.pyramid] == [(3, 16, 8, 8), (3, 16, 16, 16)]
    assert [tuple(level.shape) for level in image.space_maps['lexical']] == [(3, 10, 8, 8), (3, 10, 16, 16)]
    assert {name: tuple(space.shape) for name, space in image.region_space.items()} == {
        'lexical': (3, 39, 10),
        'contextual': (3, 39, 11),
    }
    assert image.embedding.shape == (3, 12)
    text = model.encode_text(list(TEXTS[:2]))
    tokens = model.tokenize(TEXTS[:2])
    assert text.words.shape == (2, tokens.input_ids.shape[1], 16) and text.embedding.shape == (2, 12)
    assert text.word_space['contextual'].shape[-1] == 11


@torch.no_grad()
def test_unit_vectors(model, pictures):
    image, text = model.encode_image(pictures), model.encode_text(list(TEXTS[:2]))
    for level in image.space_maps['lexical']:
        torch.testing.assert_close(level.norm(dim=1), torch.ones_like(level[:, 0]))
    for space in (*image.region_space.values(), *text.word_space.values(), image.embedding, text.embedding):
        torch.testing.assert_close(space.norm(dim=-1), torch.ones(space.shape[:-1]))


@torch.no_grad()
def test_image_embedding_is_the_saliency_weighted_mean_of_regions(model, pictures):
    image = model.encode_image(pictures)
    branch = model.image_branch
    for b in range(3):
        weights = image.saliency[b].sigmoid()
        mean = sum(w * region for w, region in zip(weights, image.regions[b], strict=True)) / weights.sum()
        torch.testing.assert_close(image.embedding[b], normalize(branch.itc_projection(mean), dim=0))


@torch.no_grad()
def test_regions_are_pooled_from_v_and_from_every_level(model, pictures):
    branch = model.image_branch
    image = model.encode_image(pictures)
    v = branch.encoder(pictures)
    torch.testing.assert_close(image.regions, branch.region_projection(branch.pooling(v, image.boxes)))
    for number, level in enumerate((v, *image.pyramid)):
        rows = slice(number * 13, (number + 1) * 13)
        contextual = normalize(branch.spaces['contextual'](branch.pooling(level, image.boxes)), dim=-1)
        torch.testing.assert_close(image.region_space['contextual'][:, rows], contextual)
        cells = normalize(branch.spaces['lexical'](level.movedim(1, -1)), dim=-1).movedim(-1, 1)
        lexical = normalize(branch.pooling(cells, image.boxes), dim=-1)
        torch.testing.assert_close(image.region_space['lexical'][:, rows], lexical)


@torch.no_grad()
def test_text_features(model):
    tokens = model.tokenize(TEXTS[:2])
    text, encoded = model.encode_text(tokens), model.text_branch.encoder(tokens)
    assert torch.equal(text.words, encoded.contextual)
    assert torch.equal(text.mask, tokens.mask) and torch.equal(text.word_mask, tokens.word_mask)
    branch = model.text_branch
    # ITC reads the encoder's own words, before they are projected to D.
    own = branch.encoder.extract(tokens).contextual
    assert own.shape[-1] != encoded.contextual.shape[-1]
    torch.testing.assert_close(text.embedding, normalize(branch.itc_projection(own[:, 0]), dim=-1))
    torch.testing.assert_close(text.word_space['lexical'], normalize(branch.spaces['lexical'](encoded.lexical), dim=-1))
    torch.testing.assert_close(
        text.word_space['contextual'], normalize(branch.spaces['contextual'](encoded.contextual), dim=-1)
    )


@torch.no_grad()
def test_a_mask_token_names_nothing(model):
    tokens = model.tokenize(['a red circle', 'a circle'])
    mask_id = model.text_branch.encoder.tokenizer.mask_token_id
    tokens.input_ids[0, 2] = mask_id
    tokens.input_ids[1, 1:3] = mask_id
    text = model.encode_text(tokens)
    assert text.word_mask[0].tolist() == [False, True, False, True, False]
    # A text of nothing else keeps its masks as words, so that there is always one.
    assert text.word_mask[1].tolist() == [False, True, True, False, False]
    assert torch.equal(text.mask, tokens.mask)


@torch.no_grad()
def test_a_text_without_a_word_is_located_and_scored(model, pictures):
    text = model.encode_text(['', 'a red circle'])
    image = model.encode_image(pictures[:2])
    located = model.locate(image, text)
    for values in (located.regions, located.text_cls, *located.boxes, model.shortlist_scores(image, text)):
        assert values.isfinite().all()
    assert model.itm_scores(image, text).isfinite().all()


@torch.no_grad()
def test_backbone_levels_may_take_the_place_of_pictures(model, pictures):
    levels = model.image_branch.encoder.extract(pictures)
    torch.testing.assert_close(model.encode_image(levels).embedding, model.encode_image(pictures).embedding)


@torch.no_grad()
def test_training_drops_words_and_evaluation_none():
    model = build_toy_slan(text__word_dropout=0.5, text__embedding='mean')
    tokens = model.tokenize([TEXTS[0]] * 40)
    torch.manual_seed(0)
    text, branch = model.train().text_branch(tokens), model.text_branch
    assert not (text.word_mask & ~tokens.word_mask).any() and text.word_mask.any(1).all()
    assert 0.4 < text.word_mask.sum() / tokens.word_mask.sum() < 0.65
    # The mean is of the words that are left and of the special tokens.
    own = branch.encoder.extract(tokens).contextual
    weight = (text.word_mask | (tokens.mask & ~tokens.word_mask)).unsqueeze(-1).float()
    mean = branch.itc_projection((own * weight).sum(1) / weight.sum(1))
    torch.testing.assert_close(text.embedding, normalize(mean, dim=-1))
    assert torch.equal(model.eval().text_branch(tokens).word_mask, tokens.word_mask)
    # Of which no word would be left: neither loses any.
    branch.word_dropout = 1.0
    everything, clean = model.train().text_branch(tokens), model.eval().text_branch(tokens)
    assert torch.equal(everything.word_mask, tokens.word_mask)
    torch.testing.assert_close(everything.embedding, clean.embedding)


@torch.no_grad()
def test_embedding_of_the_mean_token_through_a_hidden_layer():
    model = build_toy_slan(itc_hidden=9, itc_dropout=0.5, text__embedding='mean').eval()
    together = model.encode_text(list(TEXTS[:2]))
    for row in range(2):
        alone = model.encode_text([TEXTS[row]])
        first, _, _, last = model.text_branch.itc_projection
        mean = model.text_branch.encoder.extract(model.tokenize([TEXTS[row]])).contextual[0].mean(0)
        expected = normalize(last(torch.nn.functional.gelu(first(mean))), dim=0)
        torch.testing.assert_close(alone.embedding[0], expected)
        torch.testing.assert_close(together.embedding[row], expected, atol=1e-5, rtol=1e-4)
    assert model.image_branch.itc_projection[0].out_features == 9
    with pytest.raises(ValueError, match="'cls' or 'mean'"):
        build_toy_slan(text__embedding='max')


@torch.no_grad()
@pytest.mark.parametrize('options', [{}, dict(level=1)])
def test_embedding_by_attention_pooling(options):
    embedding = dict(type='AttentionPooling', num_heads=2, head_dims=5, **options)
    branch = build_toy_slan(image__embedding=embedding).eval().image_branch
    pictures = torch.randn(2, 3, 32, 32)
    image, levels = branch(pictures), branch.encoder.extract(pictures)
    pooled = branch.embedding(image.regions, branch.encoder.project(levels), levels)
    torch.testing.assert_close(image.embedding, normalize(branch.itc_projection(pooled), dim=-1))


@torch.no_grad()
def test_encoder_as_feature_source():
    decoder = dict(type='EncoderPyramid')
    model = build_toy_slan(image__decoder=decoder).eval()
    image = model.encode_image(torch.randn(1, 3, 32, 32))
    assert [level.shape[-1] for level in image.pyramid] == [8, 16]
