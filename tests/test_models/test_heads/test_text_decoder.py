"""The decoder: what it is given, what it refuses, and the ranking of texts."""

import pytest
import torch
from transformers import BertConfig, BertModel

from slan_mm.datasets.shapes import build_shapes_tokenizer
from slan_mm.models.heads import Memory, TextDecoder, rank_texts

SIZES = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=24,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
TEXTS = ['red circle', 'red star', 'blue', 'a large green square above a small star', 'blue cross', 'yellow']


@pytest.fixture(scope='module')
def tokenizer():
    return build_shapes_tokenizer()


def build(tokenizer, **options):
    torch.manual_seed(0)
    return TextDecoder(tokenizer, **(dict(model=SIZES, max_words=20) | options)).eval()


def memory_of(rows, length=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(rows, length, 16, generator=generator)
    mask = torch.arange(length) < torch.randint(2, length + 1, (rows, 1), generator=generator)
    return Memory(tokens, mask)


def test_rows(tokenizer):
    decoder = build(tokenizer, prompt='next to')
    ids, labels = decoder.rows(['red star', 'blue'])
    words = [tokenizer.convert_ids_to_tokens(row) for row in ids]
    assert words[0] == ['[CLS]', 'next', 'to', 'red', 'star', '[SEP]']
    assert words[1] == ['[CLS]', 'next', 'to', 'blue', '[SEP]', '[PAD]']
    assert labels.tolist()[1] == [-100, -100, -100, *ids[1, 3:5].tolist(), -100]
    # Cut where it is too long, but with its end.
    ids, labels = decoder.rows([' '.join(['red'] * 50)])
    assert ids.shape == (1, 20) and ids[0, -1] == labels[0, -1] == tokenizer.sep_token_id
    with pytest.raises(ValueError, match="nothing to learn or score in the text ' '"):
        decoder.rows(['red', ' '])


@torch.no_grad()
def test_padding_has_no_part(tokenizer):
    """Neither that of the text nor that of the memory."""
    decoder = build(tokenizer)
    memory = memory_of(6)
    together = decoder.log_probs(memory, TEXTS)
    for row, text in enumerate(TEXTS):
        kept = int(memory.mask[row].sum())
        alone = Memory(memory.tokens[row : row + 1, :kept], memory.mask[row : row + 1, :kept])
        torch.testing.assert_close(decoder.log_probs(alone, [text])[0], together[row], atol=1e-5, rtol=1e-5)
    noise = memory.tokens.masked_fill(~memory.mask[..., None], 7.0)
    torch.testing.assert_close(decoder.log_probs(Memory(noise, memory.mask), TEXTS), together)


@torch.no_grad()
def test_beam_search_finds_the_likeliest_where_it_can_see_all(tokenizer):
    """One token, as many beams as there are tokens: the best by scoring each of them."""
    decoder = build(tokenizer, generation=dict(num_beams=8, max_new_tokens=1, length_penalty=0.0))
    memory = memory_of(4)
    found = decoder.generate(memory)
    best = decoder.first_log_probs(memory).argmax(1)
    assert found == [tokenizer.decode([index], skip_special_tokens=True) for index in best.tolist()]


@torch.no_grad()
def test_generation_is_the_same_alone(tokenizer):
    decoder = build(tokenizer, generation=dict(num_beams=3, max_new_tokens=6))
    memory = memory_of(4)
    together, scores = decoder.write(memory)
    for row in range(4):
        text, score = decoder.write(memory[row : row + 1])
        assert text == together[row : row + 1]
        torch.testing.assert_close(score[0], scores[row], atol=1e-4, rtol=1e-4)


def test_numbers_are_joined_again(tokenizer, monkeypatch):
    decoder = build(tokenizer)
    monkeypatch.setattr(decoder.tokenizer, 'batch_decode', lambda *_, **__: ['11 : 43', ' 3 . 5 or 1 / 2', 'a : b'])
    assert decoder.generate(memory_of(3)) == ['11:43', '3.5 or 1/2', 'a : b']


@torch.no_grad()
def test_ranking(tokenizer):
    decoder = build(tokenizer)
    memory = memory_of(3)
    scores = torch.stack([decoder.log_probs(memory, [text] * 3) for text in TEXTS], dim=1)
    # The whole list: the likeliest text, whatever the chunks.
    for chunk in (1, 4, 100):
        best, score = rank_texts(decoder, memory, TEXTS, k=99, chunk=chunk)
        assert best.tolist() == scores.argmax(1).tolist()
        torch.testing.assert_close(score, scores.amax(1), atol=1e-5, rtol=1e-5)
    # A shortlist of two: the likeliest of those two whose first token is likeliest; 'red circle' before 'red star'.
    first = decoder.first_log_probs(memory)[:, [tokenizer(text)['input_ids'][1] for text in TEXTS]]
    best, _ = rank_texts(decoder, memory, TEXTS, k=2)
    for row in range(3):
        shortlist = sorted(range(len(TEXTS)), key=lambda index: (-float(first[row, index]), index))[:2]
        assert best[row] == max(shortlist, key=lambda index: float(scores[row, index]))


def test_weights_of_an_encoder(tokenizer, tmp_path):
    torch.manual_seed(1)
    encoder = BertModel(BertConfig(vocab_size=len(tokenizer), **SIZES), add_pooling_layer=False)
    encoder.save_pretrained(tmp_path)
    decoder = build(tokenizer, model=str(tmp_path), num_layers=1)
    assert len(decoder.bert.bert.encoder.layer) == 1 and decoder.bert.config.is_decoder
    torch.testing.assert_close(
        decoder.bert.bert.encoder.layer[0].attention.self.query.weight,
        encoder.encoder.layer[0].attention.self.query.weight,
    )
    assert decoder.bert.cls.predictions.decoder.weight is decoder.bert.get_input_embeddings().weight


def test_what_does_not_fit(tokenizer, tmp_path):
    with pytest.raises(OSError, match=r'Cannot load the text decoder .* looked for on this machine only'):
        build(tokenizer, model=str(tmp_path / 'nothing'))
    (tmp_path / 'config.json').write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match='is a model of type gpt2'):
        build(tokenizer, model=str(tmp_path))
    with pytest.raises(ValueError, match='they do not belong together'):
        build(tokenizer, model=SIZES | dict(vocab_size=10))
    with pytest.raises(ValueError, match='max_words 40 must lie between'):
        build(tokenizer, max_words=40)
    with pytest.raises(ValueError, match='max_words 3 must lie between 5'):
        build(tokenizer, prompt='next to', max_words=3)


def test_incomplete_weights(tokenizer, tmp_path):
    encoder = BertModel(BertConfig(vocab_size=len(tokenizer), **SIZES), add_pooling_layer=False)
    state = {name: value for name, value in encoder.state_dict().items() if 'layer.1.output.dense' not in name}
    encoder.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(ValueError, match='lack 2 tensors'):
        build(tokenizer, model=str(tmp_path))
