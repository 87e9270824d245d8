"""Phrases that a user marks with brackets."""

import pytest

from slan_mm.apis import read_marked_text


def test_brackets_leave_the_text_and_give_spans():
    marked = read_marked_text(' A [small dog], runs on [grass]. ')
    assert marked.text == 'A small dog, runs on grass.'
    assert marked.spans == [[[2, 11]], [[21, 26]]]
    assert marked.phrases == ['small dog', 'grass']


def test_without_brackets_every_naming_word_is_a_phrase():
    marked = read_marked_text("The dog's ball is on a well-kept lawn")
    assert marked.text == "The dog's ball is on a well-kept lawn"
    assert marked.phrases == ["dog's", 'ball', 'well-kept', 'lawn']


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('a [dog', "'\\[' without ']'"),
        ('a dog] runs', "']' without '\\['"),
        ('a [small [dog]]', 'within another'),
        ('a [ ] dog', 'empty phrase'),
        ('[]', 'empty phrase'),
        ('  ', 'text must not be empty'),
        ('it is on', 'no word to look for'),
    ],
)
def test_wrong_marks_are_told(text, said):
    with pytest.raises(ValueError, match=said):
        read_marked_text(text)
