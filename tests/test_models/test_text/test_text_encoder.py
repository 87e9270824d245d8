import json

import pytest
import torch

from slan_mm.models.heads.text_decoder import TextDecoder
from slan_mm.models.text import TextEncoder
from slan_mm.registry import TOKENIZERS

WORDS = ['a', 'red', 'small', 'circle', 'square', 'and', 'next', 'to', 'the', '##s']
TINY = {'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 2, 'intermediate_size': 32}


@pytest.fixture(scope='module')
def tokenizer_dir(tmp_path_factory):
    from transformers import BertTokenizerFast

    folder = tmp_path_factory.mktemp('tokenizer')
    vocab = folder / 'vocab.txt'
    vocab.write_text('\n'.join(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *WORDS]))
    BertTokenizerFast(vocab_file=str(vocab)).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def encoder(tokenizer_dir):
    torch.manual_seed(0)
    return TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY), max_words=8).eval()


def test_tokens_masks_and_spans(encoder):
    texts = ['a red circle', 'squares']
    tokens = encoder.tokenize(texts)
    assert tokens.input_ids.tolist() == [[2, 5, 6, 8, 3], [2, 9, 14, 3, 0]]
    assert tokens.mask.tolist() == [[True] * 5, [True] * 4 + [False]]
    assert tokens.word_mask.tolist() == [[False, True, True, True, False], [False, True, True, False, False]]
    spans = tokens.offsets[tokens.word_mask].tolist()
    assert [texts[0][a:b] for a, b in spans[:3]] == ['a', 'red', 'circle']
    assert [texts[1][a:b] for a, b in spans[3:]] == ['square', 's']
    assert tokens.offsets[~tokens.word_mask].sum() == 0
    assert encoder.vocab_size == 15 and encoder.word_embeddings.weight.shape == (15, 16)


def test_padding_does_not_change_a_text(encoder):
    short, long = 'a red circle', 'a small red square next to the'
    alone = encoder(encoder.tokenize([short]))
    padded = encoder(encoder.tokenize([short, long]))
    assert padded.contextual.shape == (2, 8, 16)
    for name in ('contextual', 'lexical'):
        torch.testing.assert_close(getattr(padded, name)[0, :5], getattr(alone, name)[0], atol=1e-5, rtol=0)


def test_lexical_words_ignore_their_sentence_and_contextual_ones_do_not(encoder):
    words = encoder(encoder.tokenize(['a red circle', 'the red square']))
    torch.testing.assert_close(words.lexical[0, 2], words.lexical[1, 2])
    assert (words.contextual[0, 2] - words.contextual[1, 2]).abs().max() > 1e-3
    tokens = encoder.tokenize(['a red circle'])
    torch.testing.assert_close(encoder(tokens).lexical, encoder.backbone.embeddings(input_ids=tokens.input_ids))


def test_long_texts_are_cut_counted_and_warned_of_once(encoder, monkeypatch):
    warnings = []
    monkeypatch.setattr('slan_mm.models.text.encoder.print_log', lambda text, **_: warnings.append(text))
    tokens = encoder.tokenize(['red ' * 20, 'a', 'small ' * 7, 'a red small circle and square'])
    encoder.tokenize(['red ' * 20])
    assert tokens.input_ids.shape == (4, 8)
    assert encoder.truncated == 3
    assert len(warnings) == 1 and 'max_words = 8' in warnings[0] and 'red red' in warnings[0]


@pytest.mark.parametrize('text', ['so cute \ud83d', None, 3, b'a'])
def test_what_is_no_text_is_named(encoder, text):
    with pytest.raises(ValueError, match='is no text, or has half of a character'):
        encoder.tokenize(['a', text])


def test_unknown_words_are_named(encoder, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.models.text.unknown_words.print_log', lambda text, *_: said.append(text))
    encoder.tokenize(['a red circle', '猫 and 狗', 'a circles'])
    assert said == [
        "The tokenizer does not know '猫', '狗': all such words are one token, [UNK], and look the same to the model."
    ]
    encoder.tokenize(['猫', 'a Dog'])
    assert len(said) == 2 and "know 'Dog'" in said[1]
    assert encoder.unknown_words.counts == {'猫': 2, '狗': 1, 'Dog': 1} and encoder.unknown_words.tokens == 12


def test_in_training_the_share_of_unknown_words_is_told_where_it_is_noteworthy(encoder, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.models.text.unknown_words.print_log', lambda text, *_: said.append(text))
    encoder.train()
    encoder.tokenize(['a red dog'] * 333)
    assert not said
    encoder.tokenize(['a red'] * 5001)
    assert (
        len(said) == 1 and said[0].startswith('3.0 % of the first 11001 tokens are words') and "'dog' (333)" in said[0]
    )
    encoder.tokenize(['a red circle'] * 40000)
    assert len(said) == 1


def test_projection_only_where_width_differs(tokenizer_dir):
    same = TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY), embed_dims=16, max_words=8)
    assert not list(same.contextual_projection.parameters()) and same.embed_dims == 16
    other = TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY), embed_dims=24, max_words=8).eval()
    tokens = other.tokenize(['a red circle', 'a'])
    words = other(tokens)
    assert words.contextual.shape == words.lexical.shape == (2, 5, 24)
    raw = other.extract(tokens)
    torch.testing.assert_close(other.project(raw).lexical, words.lexical)


def test_frozen_keeps_still_and_projection_learns(tokenizer_dir):
    encoder = TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY), embed_dims=24, frozen=True, max_words=8)
    encoder.train()
    assert not any(module.training for module in encoder.backbone.modules())
    words = encoder(encoder.tokenize(['a red circle']))
    (words.contextual.sum() + words.lexical.sum()).backward()
    assert all(parameter.grad is None for parameter in encoder.backbone.parameters())
    assert encoder.contextual_projection.weight.grad.abs().sum() > 0
    assert encoder.lexical_projection.weight.grad.abs().sum() > 0


def test_local_weights_are_loaded_and_survive_init_weights(encoder, tokenizer_dir, tmp_path):
    encoder.backbone.save_pretrained(tmp_path)
    torch.manual_seed(5)
    loaded = TextEncoder(tokenizer={'type': 'HFTokenizer', 'name_or_path': tokenizer_dir}, model=str(tmp_path)).eval()
    loaded.init_weights()
    for name, value in encoder.backbone.state_dict().items():
        assert torch.equal(value, loaded.backbone.state_dict()[name]), name


def test_random_weights_follow_the_seed(tokenizer_dir):
    def build(seed):
        torch.manual_seed(seed)
        return TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY), max_words=8).word_embeddings.weight

    assert torch.equal(build(3), build(3)) and not torch.equal(build(3), build(4))


def test_word_std_makes_words_of_one_place_differ(tokenizer_dir):
    def similarity(**options):
        torch.manual_seed(0)
        encoder = TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY, hidden_size=64), max_words=8, **options).eval()
        circle, square = encoder(encoder.tokenize(['circle', 'square'])).lexical[:, 1]
        return torch.cosine_similarity(circle, square, dim=0)

    # BERT's own: word, position and type weigh the same, two of the three are common.
    assert 0.4 < similarity() < 0.9
    assert similarity(word_std=0.2).abs() < 0.4
    with pytest.raises(ValueError, match='word_std'):
        TextEncoder(tokenizer=tokenizer_dir, model=tokenizer_dir, word_std=0.2)


def test_bf16_autocast_is_finite(encoder):
    with torch.autocast('cpu', dtype=torch.bfloat16):
        words = encoder(encoder.tokenize(['a', 'a small red square next to']))
    assert torch.isfinite(words.contextual.float()).all()


def test_what_cannot_be_loaded_is_explained(tokenizer_dir, tmp_path):
    with pytest.raises(OSError, match='Cannot load the tokenizer .*on this machine only'):
        TextEncoder(tokenizer='no-such-model-here', model=dict(TINY))
    with pytest.raises(OSError, match='Cannot load the text encoder .*on this machine only'):
        TextEncoder(tokenizer=tokenizer_dir, model=str(tmp_path / 'nothing'))


def test_weights_that_are_no_whole_bert_are_refused(encoder, tokenizer_dir, tmp_path):
    encoder.backbone.save_pretrained(tmp_path)
    path = tmp_path / 'config.json'
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, 'model_type': 'gpt2'}))
    with pytest.raises(ValueError, match="is a model of type 'gpt2'; the text encoder reads bert, clip_text_model"):
        TextEncoder(tokenizer=tokenizer_dir, model=str(tmp_path))
    path.write_text(json.dumps({**config, 'num_hidden_layers': 3}))
    with pytest.raises(ValueError, match='lack 16 tensors'):
        TextEncoder(tokenizer=tokenizer_dir, model=str(tmp_path))
    (tmp_path / 'model.safetensors').write_bytes(b'cut')
    with pytest.raises(OSError, match='Cannot load the text encoder'):
        TextEncoder(tokenizer=tokenizer_dir, model=str(tmp_path))


def test_wrong_sizes_are_refused(tokenizer_dir):
    with pytest.raises(ValueError, match='do not belong together'):
        TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY, vocab_size=7))
    with pytest.raises(ValueError, match='max_words 9 must lie between'):
        TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY, max_position_embeddings=8), max_words=9)
    with pytest.raises(ValueError, match='at least one text'):
        TextEncoder(tokenizer=tokenizer_dir, model=dict(TINY), max_words=8).tokenize([])


def test_code_that_comes_with_files_is_neither_run_nor_asked_for(tmp_path, tokenizer_dir, monkeypatch):
    from transformers import BertConfig, BertLMHeadModel

    monkeypatch.setattr('builtins.input', lambda question: pytest.fail('asked on the console'))
    folder = tmp_path / 'folder'
    BertLMHeadModel(BertConfig(8, 8, 1, 1, 8, is_decoder=True)).save_pretrained(folder)
    code = f'open({str(tmp_path / "trapped")!r}, "w")\n'
    (folder / 'mine.py').write_text(code)
    content = {'auto_map': {'AutoTokenizer': [None, 'mine.Mine']}, 'tokenizer_class': 'Mine'}
    (folder / 'tokenizer_config.json').write_text(json.dumps(content))
    with pytest.raises(OSError, match=r'The tokenizer ".*folder" comes with code of its own, which is never run'):
        TOKENIZERS.build({'type': 'HFTokenizer', 'name_or_path': str(folder)})
    config = json.loads((folder / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps(config | {'auto_map': {'AutoModel': 'mine.Mine'}}))
    (folder / 'custom_generate').mkdir()
    (folder / 'custom_generate' / 'generate.py').write_text(code)
    tokenizer = {'type': 'HFTokenizer', 'name_or_path': tokenizer_dir}
    with pytest.raises(OSError, match=r'The text decoder ".*folder" comes with code of its own'):
        TextDecoder(TOKENIZERS.build(tokenizer), model=str(folder))
    with pytest.raises(OSError, match=r'The text encoder ".*folder" comes with code of its own'):
        TextEncoder(tokenizer, model=str(folder))
    assert not (tmp_path / 'trapped').exists()


def test_texts_are_padded_to_a_multiple(encoder):
    """But not beyond the greatest length, which may be all positions that there are."""
    texts = ['a red circle', 'squares']
    plain, expected = encoder.tokenize(texts), encoder(encoder.tokenize(texts))
    for multiple, length in ((1, 5), (3, 6), (4, 8), (7, 7), (8, 8), (16, 8)):
        encoder.length_multiple = multiple
        tokens = encoder.tokenize(texts)
        assert tokens.input_ids.shape == (2, length)
        assert not tokens.mask[:, 5:].any() and not tokens.word_mask[:, 5:].any()
        assert torch.equal(tokens.input_ids[:, :5], plain.input_ids)
        torch.testing.assert_close(encoder(tokens).contextual[:, :5], expected.contextual)
