"""The region figure: boxes where they belong, in their phrases' colours, and all texts whole."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from support.drawn import assert_texts_are_whole, pixel

from slan_mm.visualization import DrawnPhrase, DrawnPicture, draw_regions
from slan_mm.visualization.caption import PHRASE_COLORS
from slan_mm.visualization.region_figure import MARGIN


def black(height=40, width=80):
    return np.zeros((height, width, 3), np.uint8)


def color(number):
    return tuple(round(255 * part) for part in to_rgb(PHRASE_COLORS[number]))


def picture(text='a red circle and a blue square', shape=(40, 80), gold=True, image=None):
    phrases = [
        DrawnPhrase([[2, 12]], np.array([[8.0, 4, 24, 20]]), np.array([40.0, 4, 72, 20]), np.array([[8.0, 4, 24, 36]])),
        DrawnPhrase([[19, 30]], np.array([[32.0, 20, 64, 36]])),
    ]
    if not gold:
        phrases[0].gold = None
    return DrawnPicture(black() if image is None else image, shape, text, phrases)


def test_boxes_lie_where_they_belong_in_their_phrases_colours():
    canvas = draw_regions([picture(gold=False)], columns=1, column_width=200.0, show_start=False)
    # 80 x 40 pixels are drawn on 200 x 100 points from (MARGIN, MARGIN): 2.5 points a pixel.
    assert pixel(canvas, MARGIN + 20, MARGIN + 30) == color(0)
    assert pixel(canvas, MARGIN + 60, MARGIN + 30) == color(0)
    assert pixel(canvas, MARGIN + 40, MARGIN + 10) == color(0)
    assert pixel(canvas, MARGIN + 160, MARGIN + 70) == color(1)
    assert pixel(canvas, MARGIN + 40, MARGIN + 30) == (0, 0, 0), 'boxes are not filled'


def test_pictures_are_stretched_to_the_original_shape():
    # The model saw a square; the original, which boxes refer to, is twice as wide as high.
    canvas = draw_regions([picture(image=black(32, 32), gold=False)], columns=1, column_width=200.0, show_start=False)
    assert pixel(canvas, MARGIN + 20, MARGIN + 30) == color(0)
    assert pixel(canvas, MARGIN + 199, MARGIN + 99) == (0, 0, 0)


def test_a_box_that_falls_on_another_goes_inside_it():
    both = [DrawnPhrase([[n, n + 1]], np.array([[8.0, 4, 72, 36]])) for n in (0, 2)]
    canvas = draw_regions([DrawnPicture(black(), (40, 80), 'a b', both)], columns=1, column_width=200.0)
    assert pixel(canvas, MARGIN + 20, MARGIN + 50) == color(0)
    assert pixel(canvas, MARGIN + 20 + 3.4, MARGIN + 50) == color(1)


@pytest.mark.parametrize(
    ('start', 'gold', 'keys', 'overlaps'),
    [(True, True, 3, ['.50']), (True, False, 2, []), (False, True, 2, ['.50']), (False, False, 1, [])],
)
def test_only_what_is_drawn_is_explained(start, gold, keys, overlaps):
    canvas = draw_regions([picture()], show_start=start, show_gold=gold)
    texts = [text.get_text() for text in canvas.figure.axes[0].texts]
    explained = [text for text in texts if text.startswith(('answer', 'best region', 'gold box'))]
    assert len(explained) == keys
    assert [text for text in texts if text.startswith('.')] == overlaps


def test_scores_of_all_answers_and_the_note_stand_under_the_caption():
    several = picture(gold=False)
    several.note = 'score 3.21, match 0.98'
    several.phrases[0].answers = np.array([[8.0, 4, 24, 20], [40, 4, 72, 20]])
    several.phrases[0].scores, several.phrases[1].scores = [0.75, -0.001], [0.5]
    canvas = draw_regions([several], 'a red circle', title_spans=[[[2, 12]]], show_start=False)
    texts = {text.get_text(): text.get_color() for text in canvas.figure.axes[0].texts}
    assert 'score 3.21, match 0.98' in texts and 'its further answers' in texts
    assert [texts[score] for score in ('0.75', '0.00', '0.50')] == [
        PHRASE_COLORS[0],
        PHRASE_COLORS[0],
        PHRASE_COLORS[1],
    ]
    assert_texts_are_whole(canvas)


def test_a_phrase_without_an_answer_has_no_box():
    nothing = picture(gold=False)
    for phrase in nothing.phrases:
        phrase.answers, phrase.scores = np.zeros((0, 4)), np.zeros(0)
    canvas = draw_regions([nothing])
    assert not [patch for patch in canvas.figure.axes[0].patches if not patch.get_fill()]


def test_photographs_are_small_as_jpg(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    canvas = draw_regions([picture(image=noise, shape=(300, 400))], column_width=420.0)
    jpg, png = canvas.save(tmp_path / 'page.jpg'), canvas.save(tmp_path / 'page.png')
    assert jpg.read_bytes()[:2] == b'\xff\xd8' and png.read_bytes()[1:4] == b'PNG'
    assert jpg.stat().st_size < png.stat().st_size / 3


def test_texts_are_whole():
    long = 'a red circle and a blue square, ' + 'then a very long sentence about everything else in it ' * 3
    word = DrawnPicture(black(90, 20), (90, 20), 'Rindfleischetikettierungsüberwachungsaufgaben' * 3, [])
    pictures = [picture(), picture(long), word, picture('x' * 19 + ' $blue$ square'), picture(shape=(80, 40))]
    canvas = draw_regions(pictures, 'A title of some length ' * 6, 'and what is said under it ' * 12, columns=3)
    assert_texts_are_whole(canvas)
    many = picture()
    many.phrases *= 12
    assert_texts_are_whole(draw_regions([many, picture()], columns=1, column_width=120.0))


def test_a_figure_needs_a_picture():
    with pytest.raises(ValueError, match='no picture'):
        draw_regions([])
