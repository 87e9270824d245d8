"""How many things a phrase names."""

import pytest

from slan_mm.models.phrase_number import things_named


@pytest.mark.parametrize(
    ('text', 'phrase', 'number'),
    [
        ('A dog runs over the grass.', 'A dog', 1),
        ('Two large black dogs pull on a rag.', 'Two large black dogs', 2),
        ('Two large black dogs pull on a rag.', 'a rag', 1),
        ('There are 4 people in a boat.', '4 people', 4),
        ('He lifts both hands.', 'both hands', 2),
        ('A couple is kissing.', 'A couple', 2),
        ('Dogs run.', 'Dogs', 9),
        ('A group of people stands in a field flying kites.', 'A group of people', 9),
        ('A crowd cheers.', 'A crowd', 9),
        ('A boy in blue jeans', 'blue jeans', 1),
        ('A man in a pair of jeans', 'a pair of jeans', 1),
        ('One of the dogs barks.', 'One of the dogs', 1),
        ('A 5 year old boy swims.', 'A 5 year old boy', 1),
        ('Three children play, two of them in red.', 'two', 2),
        ('red crosses and a star', 'red crosses', 9),
        ('A small dog barks.', 'A small dog barks', 1),
        ('999 dogs run.', '999 dogs', 999),
        ('1000 dogs run.', '1000 dogs', 9),
        ('9' * 5000 + ' dogs run.', '9' * 5000 + ' dogs', 9),
    ],
)
def test_numbers_plurals_and_groups(text, phrase, number):
    start = text.index(phrase)
    assert things_named(text, [[start, start + len(phrase)]], several=9) == number


def test_a_phrase_of_two_runs_and_one_of_no_word():
    text = 'two black and white dogs'
    assert things_named(text, [[0, 9], [20, 24]], several=9) == 2
    assert things_named(text, [[3, 4]], several=9) == things_named(text, [], several=9) == 1
