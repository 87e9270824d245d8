"""Noun phrases of texts that mark none."""

import pytest

from slan_mm.apis import find_noun_phrases, mark_phrases, mark_spans
from slan_mm.datasets.marked_text import read_marked_text


def phrases(text):
    return [text[start:end] for start, end in find_noun_phrases(text)]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a large lake with a lone duck in it', ['large lake', 'lone duck']),
        ('Two young guys look at their hands.', ['Two young guys', 'hands']),
        ('A black-and-white dog, wearing a collar', ['black-and-white dog', 'collar']),
        ('a dog and a dog', ['dog', 'dog']),
        ('it is there', []),
    ],
)
def test_phrases_are_those_of_the_chunker_without_articles(text, expected):
    assert phrases(text) == expected


@pytest.mark.parametrize('text', ["the man's hat isn't on the lawn", "a dog doesn't bark", 'hats on catsuits of cats'])
def test_a_phrase_never_is_a_part_of_a_word(text):
    for start, end in find_noun_phrases(text):
        assert not text[:start][-1:].isalnum() and not text[end:][:1].isalnum()
        assert text[start:end] not in ('n', 's', 't')


@pytest.mark.parametrize('apostrophe', '\u2019\u2018\u02bc\u00b4`\uff07')
def test_every_apostrophe_is_one(apostrophe):
    text = "the dog's ball isn't on the players' lawn"
    other = text.replace("'", apostrophe)
    assert find_noun_phrases(other) == find_noun_phrases(text) and phrases(text) == ['dog', 'ball', 'players', 'lawn']
    assert read_marked_text(other).spans == read_marked_text(text).spans


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a [small] girl on the stairs', ['small']),
        ('a small girl climbs the wooden stairs', ['small girl', 'wooden stairs']),
        ('running', ['running']),
    ],
)
def test_brackets_come_before_noun_phrases_and_these_before_words(text, expected):
    marked = mark_phrases(text)
    assert marked.phrases == expected and '[' not in marked.text


def test_a_text_that_names_nothing_is_told():
    with pytest.raises(ValueError, match='no word to look for'):
        mark_phrases('it is there')


def test_spans_are_marked():
    marked = mark_spans('a dog on grass', [[2, 5], [[2, 5], [9, 14]]])
    assert marked.phrases == ['dog', 'dog grass'] and marked.spans == [[[2, 5]], [[2, 5], [9, 14]]]


@pytest.mark.parametrize(
    ('text', 'spans', 'said'),
    [
        (' ', [[0, 1]], 'text must not be empty'),
        ('a dog', [], 'no phrase was given'),
        ('a dog', [[2, 6]], 'not inside the text of 5 characters'),
        ('a dog', [[3, 3]], 'not inside'),
        ('a dog', [[-1, 3]], 'not inside'),
        ('a dog', [[[2, 'x']]], 'phrases must be character spans'),
        ('a dog', [[]], 'has no characters'),
    ],
)
def test_wrong_spans_are_told(text, spans, said):
    with pytest.raises(ValueError, match=said):
        mark_spans(text, spans)
