"""Answers as the official VQA script compares them."""

import pytest

from slan_mm.datasets.answer_normalisation import normalise_answer


@pytest.mark.parametrize(
    ('answer', 'normal'),
    [
        ('A Red   car.', 'red car'),
        ('the two an', '2'),
        ('None', '0'),
        ('eleven', 'eleven'),
        ('dont', "don't"),
        ("he'dve", "he'd've"),
        ("don't", "don't"),
        ('t-shirt', 't shirt'),
        ('t - shirt', 't shirt'),
        ('red/blue', 'red blue'),
        ('1,000', '1000'),
        ('3.5', '3.5'),
        ('mr. t', 'mr t'),
        ('11:43', '11:43'),
        ('what?', 'what'),
        ("somebody'd", 'somebodyd'),
        ('a.' * 16 + ' b' + '.' * 16, 'a' * 16 + ' b'),
        # As in the official script: 32 stops are removed, later ones stay; and only 0 to 9 are digits.
        ('.' * 33, '.'),
        ('x' + '.' * 40, 'x' + '.' * 8),
        ('١,٠٠٠', '١ ٠٠٠'),
        ('५,००० /x', '५ ००० x'),
        ('٣.٥', '٣٥'),
        ('line\nbreak', 'line break'),
    ],
)
def test_normalisation(answer, normal):
    assert normalise_answer(answer) == normal
