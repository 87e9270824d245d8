import pytest
import torch
from support.feature_store import fill, text_encoder, write_pictures

from slan_mm.feature_store import FeatureStoreError, TextStore

TEXTS = ['a red circle', 'a small blue square', 'the red circle', 'a green star']


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    write_pictures(folder)
    return folder


@pytest.mark.parametrize('lexical_layer', [0, 1])
def test_words_from_the_store_equal_computed_ones(pictures, tmp_path, lexical_layer, monkeypatch):
    encoder = text_encoder(lexical_layer=lexical_layer)
    assert fill(pictures, tmp_path / 'store', texts=encoder) == (0, 4)
    from_store = text_encoder(lexical_layer=lexical_layer, feature_store=str(tmp_path / 'store'))
    monkeypatch.setattr(from_store, 'run', lambda tokens: pytest.fail('BERT ran'))
    tokens = encoder.tokenize(TEXTS)
    words, expected = from_store(tokens), encoder(tokens)
    for name in ('contextual', 'lexical'):
        torch.testing.assert_close(
            getattr(words, name)[tokens.mask], getattr(expected, name)[tokens.mask], atol=5e-3, rtol=5e-3
        )


def test_texts_that_the_store_lacks_are_computed(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', texts=text_encoder())
    from_store = text_encoder(feature_store=str(tmp_path / 'store'))
    tokens = from_store.tokenize(['a red circle', 'the large purple triangle', 'a green star'])
    tokens.input_ids[2, 2] = from_store.tokenizer.mask_token_id
    words, expected = from_store(tokens), text_encoder()(tokens)
    torch.testing.assert_close(words.contextual[1:][tokens.mask[1:]], expected.contextual[1:][tokens.mask[1:]])
    torch.testing.assert_close(words.lexical[tokens.mask], expected.lexical[tokens.mask])
    torch.testing.assert_close(words.contextual[0, :5], expected.contextual[0, :5], atol=5e-3, rtol=5e-3)


def test_gradients_reach_the_projections(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', texts=text_encoder())
    encoder = text_encoder(feature_store=str(tmp_path / 'store')).train()
    words = encoder(encoder.tokenize([*TEXTS, 'a purple star']))
    (words.contextual.square().sum() + words.lexical.square().sum()).backward()
    assert encoder.contextual_projection.weight.grad.abs().sum() > 0
    assert encoder.lexical_projection.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.bert.parameters())


def test_other_weights_are_refused(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', texts=text_encoder(seed=0))
    encoder = text_encoder(seed=1, feature_store=str(tmp_path / 'store'))
    with pytest.raises(FeatureStoreError, match='other weights of the text encoder'):
        encoder(encoder.tokenize(TEXTS))
    encoder = text_encoder(seed=0, lexical_layer=1, feature_store=str(tmp_path / 'store'))
    with pytest.raises(FeatureStoreError, match='lexical_layer'):
        encoder(encoder.tokenize(TEXTS))


def test_a_store_needs_frozen_weights(tmp_path):
    with pytest.raises(ValueError, match='frozen=True'):
        text_encoder(frozen=False, feature_store=str(tmp_path))


def test_each_text_is_stored_once_without_padding(pictures, tmp_path):
    encoder = text_encoder()
    fill(pictures, tmp_path / 'store', texts=encoder)
    assert len(TextStore(tmp_path / 'store')) == 4
    tokens = int(encoder.tokenize(TEXTS).mask.sum())
    assert (tmp_path / 'store' / 'texts' / 'contextual.bin').stat().st_size == tokens * 16 * 2
    assert not (tmp_path / 'store' / 'texts' / 'lexical.bin').exists()
