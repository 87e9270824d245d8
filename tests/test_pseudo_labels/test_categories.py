"""Phrases to categories."""

import pytest

from slan_mm.pseudo_labels.categories import (
    Categories,
    classes_yaml,
    frequent_heads,
    head_words,
    read_categories,
    singular,
)


@pytest.mark.parametrize(
    ('word', 'one'),
    [('Dogs', 'dog'), ('men', 'man'), ('People', 'person'), ('knives', 'knife'), ('cross', 'cross'), ('bus', 'bus'),
     ('grass', 'grass'), ('police', 'police'), ('crosses', 'cross'), ('tennis', 'tennis')],
)  # fmt: skip
def test_singular(word, one):
    assert singular(word) == one


def test_the_head_of_a_phrase_is_its_last_word_before_a_preposition():
    assert head_words('two big Dogs on the grass') == ('two', 'big', 'dog')
    assert head_words('...') == ()


def test_the_longest_name_counts():
    categories = Categories({'truck': (), 'fire truck': ('fire engine',), 'person': ('man', 'woman')})
    assert categories.of_phrase('a red fire trucks') == 'fire truck'
    assert categories.of_phrase('Fire Engine') == 'fire truck'
    assert categories.of_phrase('old truck') == 'truck'
    assert categories.of_phrase('two men in hats') == 'person'
    assert categories.of_phrase('truck driver') is None
    text = 'a woman, fire engines and a truck'
    assert [text[a:b] for a, b in categories.find(text)] == ['woman', 'fire engines', 'truck']


def test_a_word_of_two_categories_is_refused():
    with pytest.raises(ValueError, match="'dogs' stands for two categories, 'dog' and 'pet'"):
        Categories({'dog': (), 'pet': ('dogs',)})
    with pytest.raises(ValueError, match='no category'):
        read_categories(' , ')


def test_a_file_of_heads_is_read_again(tmp_path):
    heads = frequent_heads(['a dog', 'two dogs', 'cat', 'bee', 'no'], 3)
    assert heads == {'dog': 2, 'bee': 1, 'cat': 1}
    file = tmp_path / 'classes.yaml'
    file.write_text(classes_yaml(heads))
    assert read_categories(str(file)).names == ['dog', 'bee', 'cat']
    file.write_text('person: [man, woman]\ndog:\n')
    assert read_categories(str(file)).of_phrase('old men') == 'person'
    file.write_text('- no\n- dog\n')  # yaml reads no as False
    with pytest.raises(ValueError, match='False must be a text'):
        read_categories(str(file))
    for told, wrong in (('- dog\n- dog\n', "'dog' stands twice"), ('- dog\n- dogs\n', "'dogs' stands for two")):
        file.write_text(told)
        with pytest.raises(ValueError, match=f'classes.yaml: {wrong}'):
            read_categories(str(file))
