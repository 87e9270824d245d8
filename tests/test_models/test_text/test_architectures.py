"""Every text architecture: its own words, in files as users have them, and a SLAN around it."""

import json

import pytest
import torch
import transformers
from support.feature_store import fill, text_encoder, write_pictures
from support.same_answers import assert_same_answers
from support.text_models import build_tokenizer, kind_of_tokenizer, model_config, save_text_model
from support.toy import build_toy_slan, toy_batch, toy_losses

from slan_mm.models.text import TextEncoder, hf_tokenizer
from slan_mm.models.text.architectures import ARCHITECTURES, find_architecture

TEXTS = ['a red circle dog', 'dog', 'a Green triangle']
every = pytest.mark.parametrize('architecture', ARCHITECTURES)


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    """The folder and the model of an architecture, saved once."""
    kept = {}

    def get(architecture):
        if architecture not in kept:
            folder = tmp_path_factory.mktemp(architecture)
            kept[architecture] = (str(folder), save_text_model(architecture, folder))
        return kept[architecture]

    return get


def own_states(architecture, model, text):
    """Token ids of one text as users of ``transformers`` give them, and the model's states for them."""
    tokenizer, sentence = build_tokenizer(kind_of_tokenizer(architecture)), ARCHITECTURES[architecture].sentence
    if sentence == 'padding':
        batch = tokenizer([text.lower()], padding='max_length', max_length=24, return_tensors='pt')
        del batch['attention_mask']
    else:
        batch = tokenizer([text], return_tensors='pt')
    batch.pop('token_type_ids', None)
    output = model(**batch, output_hidden_states=True)
    return batch['input_ids'][0], output


@every
@torch.no_grad()
def test_words_are_the_models_own_and_the_sentence_is_first(saved, architecture):
    folder, model = saved(architecture)
    encoder = TextEncoder(tokenizer=folder, model=folder, max_words=20).eval()
    tokens = encoder.tokenize(TEXTS)
    words = encoder(tokens)
    for row, text in enumerate(TEXTS):
        ids, output = own_states(architecture, model, text)
        length = int(tokens.mask[row].sum())
        order = {
            'first': list(range(length)),
            'last': [length - 1, *range(length - 1)],
            'padding': [23, *range(length - 1)],
        }[encoder.facts.sentence]
        assert tokens.input_ids[row, :length].tolist() == ids[order].tolist()
        for found, expected in (
            (words.contextual, output.last_hidden_state),
            (words.lexical, output.hidden_states[0]),
            (encoder.extract_lexical(tokens), output.hidden_states[0]),
        ):
            torch.testing.assert_close(found[row, :length], expected[0, order], atol=1e-5, rtol=1e-4)
        if 'pooler_output' in output and architecture.startswith('clip'):
            torch.testing.assert_close(words.contextual[row, 0], output.pooler_output[0], atol=1e-5, rtol=1e-4)
        if architecture.startswith('siglip'):
            pooled = encoder.backbone.text_model.head(words.contextual[row, 0])
            torch.testing.assert_close(pooled, output.pooler_output[0], atol=1e-5, rtol=1e-4)


@every
def test_spans_are_those_of_the_text(saved, architecture):
    folder, _ = saved(architecture)
    encoder = TextEncoder(tokenizer=folder, model=folder, max_words=20)
    tokens = encoder.tokenize(TEXTS)
    for row, text in enumerate(TEXTS):
        spans = tokens.offsets[row][tokens.word_mask[row]].tolist()
        assert ''.join(text[start:end] for start, end in spans).replace(' ', '') == text.replace(' ', '')
    assert not tokens.word_mask[:, 0].any() and tokens.mask[:, 0].all()
    # As many as a prompt that is made to fit may have.
    assert [encoder.count_tokens(text) for text in TEXTS] == tokens.mask.sum(1).tolist()
    long = encoder.tokenize(['a red circle ' * 20])
    assert long.input_ids.shape[1] == 20 and encoder.truncated == 1
    last = {'last': encoder.tokenizer.eos_token_id, 'padding': encoder.tokenizer.pad_token_id}
    assert long.input_ids[0, 0] == last.get(encoder.facts.sentence, encoder.tokenizer.cls_token_id)


@every
def test_a_slan_around_it_learns_retrieves_and_grounds(saved, architecture, tmp_path):
    folder, _ = saved(architecture)
    text_encoder = dict(type='TextEncoder', tokenizer=folder, model=model_config(architecture), max_words=20)
    masks = build_tokenizer(kind_of_tokenizer(architecture)).mask_token is not None
    model = build_toy_slan(text__encoder=text_encoder, objective__weights=dict(lm=float(masks)))
    loss, log = model.parse_losses(toy_losses(model, toy_batch()))
    loss.backward()
    assert loss.isfinite() and ('loss_lm' in log) == masks
    learning = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
    assert learning == []
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    other = build_toy_slan(seed=1, text__encoder=text_encoder, objective__weights=dict(lm=float(masks))).eval()
    other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True))
    assert_same_answers(model.eval(), other)


PAIRS = {'clip': 'CLIP', 'siglip': 'Siglip', 'siglip2': 'Siglip2'}


@pytest.mark.parametrize('pair', PAIRS)
@torch.no_grad()
def test_the_text_tower_of_a_pair_is_read_from_the_pairs_files(pair, tmp_path):
    text = model_config(f'{pair}_text_model')
    del text['model_type']
    vision = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, patch_size=8)
    vision |= {} if pair == 'siglip2' else dict(image_size=16)
    config = getattr(transformers, f'{PAIRS[pair]}Config')(text_config=text, vision_config=vision)
    model = getattr(transformers, f'{PAIRS[pair]}Model')(config).eval()
    model.save_pretrained(tmp_path)
    build_tokenizer(kind_of_tokenizer(f'{pair}_text_model')).save_pretrained(tmp_path)
    encoder = TextEncoder(tokenizer=str(tmp_path), model=str(tmp_path), max_words=20).eval()
    assert type(encoder.backbone).__name__ == f'{PAIRS[pair]}TextModel'
    _, output = own_states(f'{pair}_text_model', model.text_model, TEXTS[0])
    tokens = encoder.tokenize(TEXTS[:1])
    last = encoder(tokens).contextual[0, 0]
    expected = output.last_hidden_state[0, -1]
    torch.testing.assert_close(last, expected, atol=1e-5, rtol=1e-4)


def test_an_unknown_architecture_is_named_with_those_known():
    with pytest.raises(ValueError, match=r"my model is a model of type 't5'; the text encoder reads bert, clip"):
        find_architecture('t5', 'my model')


def test_a_slow_tokenizer_is_read_from_its_fast_file(tmp_path):
    fast = build_tokenizer('unigram')
    fast.save_pretrained(tmp_path)
    path = tmp_path / 'tokenizer_config.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'tokenizer_class': 'SiglipTokenizer'}))
    tokenizer = hf_tokenizer(str(tmp_path))
    assert tokenizer.is_fast and tokenizer('a red dog')['input_ids'] == fast('a red dog')['input_ids']
    assert tokenizer.pad_token_id == fast.pad_token_id
    (tmp_path / 'tokenizer.json').unlink()
    with pytest.raises(OSError, match='Cannot load the tokenizer'):
        hf_tokenizer(str(tmp_path))


def test_lm_needs_a_mask_token(saved):
    folder, _ = saved('clip_text_model')
    encoder = dict(type='TextEncoder', tokenizer=folder, model=folder, max_words=16)
    with pytest.raises(ValueError, match=r'no \[MASK\]: set objective.weights=dict\(lm=0\)'):
        build_toy_slan(text__encoder=encoder)


@pytest.mark.parametrize('architecture', ['roberta', 'mpnet', 'xlm-roberta'])
def test_positions_behind_the_padding_id_are_fewer(saved, architecture):
    folder, _ = saved(architecture)
    TextEncoder(tokenizer=folder, model=folder, max_words=22)
    with pytest.raises(ValueError, match="max_words 23 .* text encoder's 22 positions"):
        TextEncoder(tokenizer=folder, model=folder, max_words=23)


@every
@torch.no_grad()
def test_a_store_gives_its_words_back(saved, architecture, tmp_path, monkeypatch):
    folder, _ = saved(architecture)
    options = dict(tokenizer=folder, model=folder, frozen=True, max_words=20)
    write_pictures(tmp_path)
    fill(tmp_path, tmp_path / 'store', texts=text_encoder(**options))
    from_store = text_encoder(store=tmp_path / 'store', **options)
    monkeypatch.setattr(from_store, 'run', lambda tokens: pytest.fail('the model ran'))
    tokens = from_store.tokenize(['a red circle', 'a green star'])
    words, expected = from_store(tokens), text_encoder(store=None, **options)
    expected.load_state_dict(from_store.state_dict())
    expected = expected(tokens)
    for name in ('contextual', 'lexical'):
        found, run = getattr(words, name)[tokens.mask], getattr(expected, name)[tokens.mask]
        torch.testing.assert_close(found, run, atol=5e-3, rtol=5e-3)
