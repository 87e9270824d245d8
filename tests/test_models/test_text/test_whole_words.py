"""A word that a tokenizer cuts into pieces is one word for maps, filters and phrases."""

import pytest
import torch
from support.text_models import build_tokenizer, kind_of_tokenizer, model_config, save_text_model
from support.toy import build_toy_slan, toy_batch, toy_losses
from torch.nn.functional import normalize

from slan_mm.models.phrase_words import span_tokens
from slan_mm.models.text import TextEncoder
from slan_mm.models.text.whole_words import join_pieces, piece_weight

#: Of each kind of tokenizer an architecture that has it.
KINDS = ['bert', 'roberta', 'clip_text_model', 'siglip_text_model']
TEXTS = ['a strange bird-house, snowman', 'dog', 'Seen in a dog!']
WORDS = [['a', 'strange', 'bird', 'house', 'snowman'], ['dog'], ['Seen', 'in', 'a', 'dog']]


@pytest.fixture(scope='module', params=KINDS)
def encoder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_text_model(request.param, folder)
    # The texts are long in the pieces of such a small vocabulary.
    model = model_config(request.param) | dict(max_position_embeddings=64)
    return TextEncoder(tokenizer=str(folder), model=model, max_words=60)


def test_pieces_become_the_words_between_spaces_and_signs(encoder):
    tokens = encoder.tokenize(TEXTS)
    joined = join_pieces(tokens, TEXTS)
    assert joined.word_mask.sum() < tokens.word_mask.sum()
    assert torch.equal(joined.input_ids, tokens.input_ids) and torch.equal(joined.mask, tokens.mask)
    for row, text in enumerate(TEXTS):
        spans = joined.offsets[row][joined.word_mask[row]].tolist()
        found = [text[start:end].strip() for start, end in spans]
        assert [word for word in found if word[0].isalnum()] == WORDS[row]


def test_bytes_of_one_character_are_one_word(tmp_path):
    save_text_model('roberta', tmp_path)
    encoder = TextEncoder(tokenizer=str(tmp_path), model=model_config('roberta'), max_words=20)
    texts = ['Zoë 🙂 dog2']
    tokens = encoder.tokenize(texts)
    joined = join_pieces(tokens, texts)
    assert tokens.word_mask.sum() > 8
    spans = joined.offsets[joined.word_mask].tolist()
    assert [texts[0][start:end].strip() for start, end in spans] == ['Zoë', '🙂', 'dog2']


def test_a_word_is_the_mean_of_its_pieces_and_other_tokens_are_themselves(encoder):
    tokens = encoder.tokenize(TEXTS)
    joined = join_pieces(tokens, TEXTS)
    values = torch.randn(*tokens.mask.shape, 5)
    found = piece_weight(joined) @ values
    pieces = 0
    for row in range(len(TEXTS)):
        for column in range(values.shape[1]):
            own = [column]
            if joined.word_mask[row, column]:
                start, end = joined.offsets[row, column].tolist()
                own = [
                    other
                    for other in range(values.shape[1])
                    if tokens.word_mask[row, other]
                    and start <= tokens.offsets[row, other, 0] < tokens.offsets[row, other, 1] <= end
                ]
            pieces = max(pieces, len(own))
            torch.testing.assert_close(found[row, column], values[row, own].mean(0))
    assert pieces > 2


def test_without_pieces_nothing_changes():
    model = build_toy_slan().eval()
    tokens = model.tokenize(['a red circle', 'a star'])
    joined = join_pieces(tokens, ['a red circle', 'a star'])
    assert all(torch.equal(getattr(tokens, name), getattr(joined, name)) for name in ('word_mask', 'offsets'))
    assert torch.equal(piece_weight(joined), torch.eye(tokens.mask.shape[1]).expand(2, -1, -1))


def slan(**options):
    architecture = 'siglip_text_model'
    encoder = dict(
        type='TextEncoder',
        tokenizer=dict(type='WholeWordsTestTokenizer'),
        model=model_config(architecture) | dict(max_position_embeddings=64),
        max_words=60,
    )
    return build_toy_slan(text__encoder=encoder, text__whole_words=True, **options)


@pytest.fixture(scope='module', autouse=True)
def registered():
    from slan_mm.registry import TOKENIZERS

    TOKENIZERS.register_module(
        'WholeWordsTestTokenizer', force=True, module=lambda: build_tokenizer(kind_of_tokenizer('siglip_text_model'))
    )


def test_a_slan_of_whole_words_learns_and_grounds_them():
    model = slan(objective__weights=dict(lm=0.0))
    loss, _ = model.parse_losses(toy_losses(model, toy_batch()))
    loss.backward()
    assert loss.isfinite()
    model.eval()
    text = 'a purple triangle'
    tokens = model.tokenize([text])
    with torch.no_grad():
        features = model.encode_text(tokens)
        branch = model.text_branch
        own = branch.encoder.extract(tokens)
        pieces = branch.word_space(own, branch.encoder.project(own))['lexical']
    chosen = span_tokens(tokens.offsets[0], tokens.word_mask[0], [(2, 8)])
    assert chosen.sum() == 1 and features.word_mask.sum() == 3
    (first,) = chosen.nonzero().flatten().tolist()
    (following,) = tokens.word_mask[0, first + 1 :].nonzero()[:1].flatten().tolist()
    last = first + 1 + following
    assert last - first > 1
    mean = normalize(pieces[0, first:last].mean(0), dim=-1)
    torch.testing.assert_close(features.word_space['lexical'][0, first], mean)


def test_lm_is_refused():
    with pytest.raises(ValueError, match='LM would mask the first piece of a word alone'):
        build_toy_slan(text__whole_words=True)
