"""The retrieval figure: gold is marked, ranks are told, all texts are whole."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from support.drawn import assert_texts_are_whole, pixel

from slan_mm.visualization import ImageQuery, TextQuery, Thumbnail, draw_retrieval
from slan_mm.visualization.retrieval_figure import GOLD


def thumbnail(height=20, width=20):
    return Thumbnail(np.full((height, width, 3), 90, np.uint8), (height, width))


def text_query(text='a red circle', gold=1, shown=5):
    return TextQuery(text, [thumbnail()] * shown, [place == gold for place in range(shown)], gold + 1)


def image_query(texts=('a', 'b', 'c', 'd', 'e'), gold=1):
    return ImageQuery(thumbnail(), list(texts), [place == gold for place in range(len(texts))], gold + 1)


def texts(canvas):
    return [(text.get_text(), text.get_color()) for text in canvas.figure.axes[0].texts]


def test_gold_texts_are_marked():
    drawn = texts(draw_retrieval([], [image_query()]))
    assert ('b', GOLD) in drawn and ('✓', GOLD) in drawn
    assert [text for text, color in drawn if color == GOLD] == ['gold at rank 2', '✓', 'b']


def test_gold_pictures_are_framed():
    gold = tuple(round(255 * part) for part in to_rgb(GOLD))

    def frames(query):
        canvas = draw_retrieval([query], [])
        pixel(canvas, 0, 0)
        image = np.asarray(canvas.figure.canvas.buffer_rgba())[..., :3]
        rows = (image == gold).all(-1).sum(1)
        return (rows > 100).any()

    assert frames(text_query(gold=1))
    assert not frames(text_query(gold=16))


def test_a_rank_beyond_those_shown_is_told():
    drawn = dict(texts(draw_retrieval([text_query(gold=16)], [image_query(gold=1234)])))
    assert drawn['gold at rank 17'] != GOLD and drawn['gold at rank 1235'] != GOLD


def test_texts_are_whole():
    long = 'a man in a red shirt, who has lost his hat, traces at a dog that traces at him, ' * 4
    queries = [text_query(long, gold=29999), text_query('short'), text_query('w' * 80, shown=3)]
    answers = [image_query([long] * 5, gold=29999), image_query(['w' * 200, 'b', 'c'])]
    assert_texts_are_whole(draw_retrieval(queries, answers, 'Title ' * 30, 'what is said under it ' * 30))


def test_one_half_is_enough_and_none_is_not():
    wide, half = draw_retrieval([text_query()], [image_query()]), draw_retrieval([text_query()], [])
    assert half.width < wide.width
    with pytest.raises(ValueError, match='no query'):
        draw_retrieval([], [])
