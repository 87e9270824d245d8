import pytest

from slan_mm.plain_text import is_blank, is_whole, short


@pytest.mark.parametrize(
    'text', ['', ' \t\n', '\u200b\u200d', '\ufeff', '\xad', '\u2800', '\u3164', '\ufe0f', '\u0301', '\0']
)
def test_what_shows_nothing_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize('text', ['a', '.', '0', '猫', '😀', 'e\u0301', '\u200bx'])
def test_letters_digits_and_signs_are_not(text):
    assert not is_blank(text)


def test_half_of_a_character():
    assert is_whole('so cute 😀') and not is_whole('so cute \ud83d')


def test_short_takes_any_value():
    deep: list = []
    deep.append(deep)
    assert short('a') == "'a'"
    assert all(len(short(value)) < 200 for value in (deep, 'x' * 9999, list(range(9999)), 10**4000))
    assert short([-(10**5000)]) == '[a whole number of 16610 bits]'  # Python writes 4300 digits
