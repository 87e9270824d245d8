"""The tokenizer reads the whole grammar word by word, and offsets lead back to the characters."""

import copy

import pytest

from slan_mm.datasets.shapes import build_shapes_tokenizer
from slan_mm.datasets.shapes.grammar import draw_caption, words
from slan_mm.datasets.shapes.scene import sample_scene, scene_rng
from slan_mm.datasets.shapes.tokenizer import SPECIAL_TOKENS, shapes_vocabulary
from slan_mm.registry import TOKENIZERS


@pytest.fixture(scope='module')
def tokenizer():
    return TOKENIZERS.build({'type': 'ShapesTokenizer'})


def captions(count=100):
    for i in range(count):
        yield draw_caption(scene_rng(2, 'train', i, 2), sample_scene(scene_rng(2, 'train', i, 0)))


def test_vocabulary(tokenizer):
    vocabulary = shapes_vocabulary()
    assert len(set(vocabulary)) == len(vocabulary) == len(tokenizer) == tokenizer.vocab_size == 101
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id) == (0, 1, 2)
    assert (tokenizer.sep_token_id, tokenizer.mask_token_id) == (3, 4)


def test_one_token_a_word_and_back(tokenizer):
    for caption in captions():
        ids = tokenizer(caption.text)['input_ids']
        assert len(ids) == len(caption.text.split()) + 2 <= tokenizer.model_max_length
        assert (ids[0], ids[-1]) == (2, 3) and 1 not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == caption.text
    assert all(len(tokenizer.tokenize(word)) == 1 for word in words())


def test_offsets_select_the_words_of_a_phrase(tokenizer):
    for caption in captions(30):
        encoded = tokenizer(caption.text, return_offsets_mapping=True)
        tokens = tokenizer.convert_ids_to_tokens(encoded['input_ids'])
        for phrase in caption.phrases:
            inside = [
                token
                for token, (start, end) in zip(tokens, encoded['offset_mapping'], strict=True)
                if phrase.start <= start < end <= phrase.end
            ]
            assert ' '.join(inside) == caption.text[phrase.start : phrase.end]


def test_padding_and_mask_token(tokenizer):
    batch = tokenizer(['Red [MASK] and blue star', 'red circle'], padding=True, return_tensors='pt')
    assert batch['input_ids'].shape == (2, 7)
    assert batch['input_ids'][0, 2] == tokenizer.mask_token_id
    assert batch['input_ids'][1].tolist()[-3:] == [0, 0, 0]
    assert batch['attention_mask'].sum(1).tolist() == [7, 4]
    assert batch['input_ids'][0, 1] == batch['input_ids'][1, 1]  # case does not count


def test_truncation():
    short = build_shapes_tokenizer(model_max_length=4)
    ids = short('red circle and blue star', truncation=True)['input_ids']
    assert short.convert_ids_to_tokens(ids) == ['[CLS]', 'red', 'circle', '[SEP]']


def test_unknown_words_are_spelt(tokenizer):
    assert tokenizer.tokenize('a zoo2') == ['a', 'z', '##o', '##o', '##2']
    assert tokenizer.tokenize('red 字') == ['red', '[UNK]']
    assert tokenizer.decode(tokenizer('the red star')['input_ids'], skip_special_tokens=True) == 'the red star'


def test_copies_are_equal(tokenizer):
    text = 'small red circle above pink star'
    assert copy.deepcopy(tokenizer)(text)['input_ids'] == tokenizer(text)['input_ids']
