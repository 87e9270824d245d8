"""Captions in lines: nothing lost, nothing too long, phrases in one piece where there is room."""

import pytest

from slan_mm.visualization.caption import PHRASE_COLORS, layout
from slan_mm.visualization.drawing import DPI, Canvas, text_width

TEXT = 'a small dog, black and white, runs over the wet grass'
SPANS = [[[2, 11]], [[44, 53]]]


def letters(made):
    return [''.join(run.text for run in line) for line in made.lines]


@pytest.mark.parametrize('width', [60.0, 110.0, 400.0])
@pytest.mark.parametrize(
    'text', [TEXT, 'Donaudampfschifffahrtsgesellschaftskapitän spricht', '$a$ costs_{5} {', 'w' * 90]
)
def test_no_line_is_too_long_and_no_letter_lost(text, width):
    made = layout(text, width, spans=SPANS)
    assert ''.join(letters(made)).replace(' ', '') == text.replace(' ', '')
    assert made.width <= width
    assert made.height == pytest.approx(len(made.lines) * 9 * 1.62)


def test_lines_break_between_words_and_not_within_phrases():
    wide = layout(TEXT, 1000, spans=SPANS)
    assert letters(wide) == [TEXT]
    assert [run.text for run in wide.lines[0] if run.phrase is not None] == ['small dog', 'wet grass']
    text, width = 'runs over the wet grass', text_width('runs over the wet', 9) + 12
    assert letters(layout(text, width)) == ['runs over the wet', 'grass']
    assert letters(layout(text, width, spans=[[[14, 23]]])) == ['runs over the', 'wet grass']


def test_a_shared_letter_takes_the_colour_of_the_first_phrase():
    runs = layout('big red dog', 500, spans=[[[4, 7]], [[0, 11]]]).lines[0]
    assert [(run.text, run.phrase) for run in runs] == [('big ', 1), ('red', 0), (' dog', 1)]


def test_what_is_cut_says_so():
    made = layout(TEXT, 80, max_lines=2)
    assert len(made.lines) == 2 and made.width <= 80
    assert letters(made)[-1].endswith('…')


def test_an_empty_text_takes_no_room():
    assert layout('  ', 80).height == 0 and layout('', 80).width == 0


def test_white_letters_are_readable_on_each_colour():
    def luminance(color):
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert min(1.05 / (luminance(color) + 0.05) for color in PHRASE_COLORS) >= 4.5
    assert len(set(PHRASE_COLORS)) == len(PHRASE_COLORS)


@pytest.mark.parametrize('weight', ['normal', 'bold'])
def test_texts_are_as_wide_as_measured(weight):
    canvas = Canvas(300, 50)
    canvas.text(10, 30, 'wide word', 9, weight=weight)
    canvas.figure.canvas.draw()
    drawn = canvas.figure.axes[0].texts[0].get_window_extent()
    assert drawn.width * 72 / DPI == pytest.approx(text_width('wide word', 9, weight), abs=0.5)
    assert drawn.x0 * 72 / DPI == pytest.approx(10, abs=1)
