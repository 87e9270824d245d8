import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from support.feature_store import PREPROCESSOR, config, fill, image_encoder, text_encoder, write_pictures

from slan_mm.applied_config import without_feature_stores
from slan_mm.feature_store import FeatureStoreError, StoredLevels
from slan_mm.registry import DATASETS, MODELS

TEXTS = ['a red circle', 'a small blue square', 'the red circle', 'a green star']


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    write_pictures(folder)
    return folder


def test_parameters_have_the_names_of_an_encoder_without_a_store():
    for stored, plain in (
        (image_encoder(), image_encoder(type='ImageEncoder')),
        (text_encoder(), text_encoder(store=None)),
    ):
        assert type(stored) is not type(plain)
        stored.load_state_dict(plain.state_dict(), strict=True)
        assert list(stored.state_dict()) == list(plain.state_dict())


def test_a_store_needs_frozen_weights():
    with pytest.raises(ValueError, match='frozen=True'):
        image_encoder(frozen=False)
    with pytest.raises(ValueError, match='frozen=True'):
        text_encoder(frozen=False)


def test_an_encoder_that_reads_no_store_refuses_its_levels():
    stored = StoredLevels([torch.zeros(2, 16, 4, 4), torch.zeros(2, 32, 2, 2)], ('one',))
    with pytest.raises(FeatureStoreError, match=r"one: .*encoder\.type='StoredImageEncoder'"):
        image_encoder(type='ImageEncoder').extract(stored)


def test_a_config_without_stores_is_that_of_encoders_that_run():
    model = ConfigDict(
        image=dict(encoder=dict(type='StoredImageEncoder', frozen=True)),
        text=dict(encoder=dict(type='slan_mm.StoredTextEncoder', store='a', max_words=5)),
    )
    assert without_feature_stores(model) == dict(
        image=dict(encoder=dict(type='ImageEncoder', frozen=True)),
        text=dict(encoder=dict(type='TextEncoder', max_words=5)),
    )
    assert model.text.encoder.store == 'a', 'the config given is left as it is'
    other = ConfigDict(image=dict(encoder=dict(type='mine', store=3)))
    assert without_feature_stores(other) == other


def test_levels_of_other_weights_are_refused(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', image_encoder(seed=0))
    dataset = DATASETS.build(config(pictures, tmp_path / 'store').train_dataloader.dataset)
    inputs = MODELS.build(PREPROCESSOR)(pseudo_collate([dataset[0]]))['inputs']
    with pytest.raises(FeatureStoreError, match='other weights of the image encoder than this run'):
        image_encoder(seed=1).extract(inputs)
    with pytest.raises(FeatureStoreError, match='config of the image encoder'):
        image_encoder(seed=0, out_levels=[1, 3], in_channels=[16, 64]).extract(inputs)


def test_words_from_the_store_equal_computed_ones(pictures, tmp_path, monkeypatch):
    encoder = text_encoder(store=None)
    assert fill(pictures, tmp_path / 'store', texts=text_encoder()) == (0, 4)
    from_store = text_encoder(store=tmp_path / 'store')
    monkeypatch.setattr(from_store, 'run', lambda tokens: pytest.fail('BERT ran'))
    tokens = encoder.tokenize(TEXTS)
    words, expected = from_store(tokens), encoder(tokens)
    for name in ('contextual', 'lexical'):
        torch.testing.assert_close(
            getattr(words, name)[tokens.mask], getattr(expected, name)[tokens.mask], atol=5e-3, rtol=5e-3
        )


def test_texts_that_the_store_lacks_are_computed(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', texts=text_encoder())
    from_store = text_encoder(store=tmp_path / 'store')
    tokens = from_store.tokenize(['a red circle', 'the large purple triangle', 'a green star'])
    tokens.input_ids[2, 2] = from_store.tokenizer.mask_token_id
    words, expected = from_store(tokens), text_encoder(store=None)(tokens)
    torch.testing.assert_close(words.contextual[1:][tokens.mask[1:]], expected.contextual[1:][tokens.mask[1:]])
    torch.testing.assert_close(words.lexical[tokens.mask], expected.lexical[tokens.mask])
    torch.testing.assert_close(words.contextual[0, :5], expected.contextual[0, :5], atol=5e-3, rtol=5e-3)


def test_gradients_reach_the_projections(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', texts=text_encoder())
    encoder = text_encoder(store=tmp_path / 'store').train()
    words = encoder(encoder.tokenize([*TEXTS, 'a purple star']))
    (words.contextual.square().sum() + words.lexical.square().sum()).backward()
    assert encoder.contextual_projection.weight.grad.abs().sum() > 0
    assert encoder.lexical_projection.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.backbone.parameters())


def test_words_of_other_weights_are_refused(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', texts=text_encoder(seed=0))
    encoder = text_encoder(seed=1, store=tmp_path / 'store')
    with pytest.raises(FeatureStoreError, match='other weights of the text encoder'):
        encoder(encoder.tokenize(TEXTS))
    encoder = text_encoder(seed=0, store=tmp_path / 'store')
    encoder.backbone.config.layer_norm_eps = 0.5
    with pytest.raises(FeatureStoreError, match='config of the text encoder'):
        encoder(encoder.tokenize(TEXTS))
