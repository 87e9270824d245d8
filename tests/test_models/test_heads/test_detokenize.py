"""Texts that BERT's tokens cut at every punctuation mark come back as they were."""

import pytest
from transformers import BertTokenizer

from slan_mm.models.heads.detokenize import join_punctuation

TEXTS = """
11:43 | 3.5 | 1,000 | 1,234,567 | 1/2 | $5 | $1,000.50 | £5 | $.50 | .5 | -5 | 50% | 3.5% | 90° | 25¢ | #1 | 1.2.3
5-10 | 12/25/2010 | 2, 3 | 2010, 2011 | 2010, 300 | in 2, 3 and 4 | 1, 2, 3 | 11:43 am | 5:00 pm. | 16:9
t-shirt | 3-year-old | u.s. | u.s.a. | t.v. | p.m. | the u.s. flag | at&t | m&m's | black & white | r&b | n/a | red/blue
don't | it's | o'clock | y'all | i'd've | the dog's ball | the dogs' ball | dogs' | mcdonald's | l'oreal | girls'
what? | no! | red, white and blue | mr. t | a dog. a cat. | a : b | wait... | red (dark) | (2)
a sign that says "stop" | "stop" and "go" | a man, a dog, and a cat. | it is no. 5 | jack-o-lantern
sirius.com | www.foo.com
""".replace('\n', '|')  # fmt: skip
WRITTEN = [text.strip() for text in TEXTS.split('|') if text.strip()]


@pytest.fixture(scope='module')
def tokenizer(tmp_path_factory):
    """A BERT tokenizer whose words are characters: its cuts at punctuation are those of any BERT."""
    marks = sorted(set(''.join(WRITTEN)) - {' '})
    vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *marks, *(f'##{mark}' for mark in marks)]
    path = tmp_path_factory.mktemp('bert') / 'vocab.txt'
    path.write_text('\n'.join(vocabulary), encoding='utf-8')
    return BertTokenizer(str(path))


@pytest.mark.parametrize('text', WRITTEN)
def test_a_text_comes_back_as_it_was(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False)['input_ids']
    decoded = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    joined = join_punctuation(decoded)
    # The tokens stay, so the text's log-probability does.
    assert tokenizer(joined, add_special_tokens=False)['input_ids'] == ids
    assert joined == text
    assert join_punctuation(joined) == joined
