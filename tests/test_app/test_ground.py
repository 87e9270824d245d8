"""Grounding as the app shows it: the published model finds what it knows, on every level."""

import re

import numpy as np
import pytest

from slan_mm.apis import init_model
from slan_mm.app.about import about
from slan_mm.app.compare import compare
from slan_mm.app.ground import BEST, ground, grounded_html
from slan_mm.app.messages import AppError
from slan_mm.app.models import AppModel
from slan_mm.config import read_config
from slan_mm.shipped import ROOT, TINY_MODEL
from slan_mm.visualization.caption import PHRASE_COLORS

TEXT = 'a [red circle] and a [blue square]'


@pytest.fixture(scope='module')
def answer(model, tmp_path_factory):
    from PIL import Image

    pixels = np.full((240, 320, 3), 200, np.uint8)
    pixels[40:120, 40:120] = (220, 30, 30)
    path = tmp_path_factory.mktemp('ground') / 'mine.png'
    Image.fromarray(pixels).save(path)
    return ground(model, str(path), 'a [red square] and [<b>red</b>] [square]')


def rects(html, kind='best'):
    return re.findall(rf'<rect class="{kind}" x="([\d.-]+)" y="([\d.-]+)"[^>]*stroke="(#\w+)"', html)


def test_each_phrase_has_its_box_and_its_colour(model, picture):
    found = ground(model, picture, TEXT)
    page, table = grounded_html(found)
    assert (found.size, found.last_level, found.phrases) == ((240, 320), 3, ['red circle', 'blue square'])
    (x, y, first), (x2, y2, second) = sorted(rects(page), key=lambda one: PHRASE_COLORS.index(one[2]))
    assert (first, second) == PHRASE_COLORS[:2]
    # The discs' corners are (40, 40) and (210, 150).
    assert (
        abs(float(x) - 40) < 25 and abs(float(y) - 40) < 25 and abs(float(x2) - 210) < 25 and abs(float(y2) - 150) < 25
    )
    assert page.count('<mark') == 2 and f'<mark style="background:{first}">red circle</mark>' in page
    assert 'viewBox="0 0 320 240"' in page and 'after level 3 of 3' in table and table.count('<tr>') == 3


def test_levels_begin_before_any_adaptor(answer):
    pages = [grounded_html(answer, level) for level in range(answer.last_level + 1)]
    assert 'before any adaptor' in pages[0][1] and 'after level 1 of 3' in pages[1][1]
    assert rects(pages[0][0]) != rects(pages[-1][0])
    assert grounded_html(answer, 99) == pages[-1] == grounded_html(answer, None)


def test_all_boxes_of_a_phrase_with_their_scores(answer):
    page, table = grounded_html(answer, level=0, boxes='red square')
    boxes, scores = answer.ranked[0][0]
    assert len(boxes) > 1 and len(rects(page)) == 1 and len(rects(page, 'other')) == len(boxes) - 1
    assert table.count('<tr>') == 1 + len(boxes) and f'{scores[1]:.3f}' in table
    assert {color for *_, color in rects(page, 'other')} == {PHRASE_COLORS[0]}


def test_a_map_of_each_word(answer):
    names = answer.word_names
    assert len(names) == len(set(names)) == len(answer.maps) and 'and' in names and 'red (2)' in names
    plain, _ = grounded_html(answer)
    mapped, _ = grounded_html(answer, word='red (2)')
    own = answer.maps[names.index('red (2)')].astype(np.float32)
    assert f'{own.min():.2f} (dark) to {own.max():.2f} (bright)' in mapped and mapped != plain
    assert grounded_html(answer, word='no such word', boxes=BEST) == grounded_html(answer)


def test_a_text_is_shown_and_never_run(answer):
    page, table = grounded_html(answer)
    assert '<b>' not in page + table and '&lt;b&gt;red&lt;/b&gt;' in page and '&lt;b&gt;red' in table


def test_an_answer_is_small_enough_to_keep(answer):
    sizes = [
        len(answer.jpeg),
        answer.maps.nbytes,
        sum(part.nbytes for levels in answer.ranked for one in levels for part in one),
    ]
    assert sum(sizes) < 500_000


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'Write a text first.'),
        (' \n', 'Write a text first.'),
        (None, 'Write a text first.'),
        ('a [dog', "'[' without ']'"),
        ('a [[dog]]', 'within another'),
        ('word ' * 300, 'at most 1000'),
        ('a \ud800', 'half a character'),
    ],
)
def test_a_text_that_cannot_be_asked_is_told(model, picture, text, message):
    with pytest.raises(AppError, match=re.escape(message)):
        ground(model, picture, text)


def test_what_the_encoder_does_not_read_is_told(model, picture):
    found = ground(model, picture, 'a [red circle] ' + 'and a star ' * 40 + 'and a [blue square]')
    assert found.phrases == ['red circle'] and 'Not read: ' in grounded_html(found)[0]
    with pytest.raises(AppError, match='max_words'):
        ground(model, picture, 'a star ' * 60 + '[blue square]')


def test_two_models_side_by_side(model, picture):
    pages = compare([model, model], picture, TEXT)
    assert len(pages) == 2 and pages[0] == pages[1]
    assert pages[0].startswith('<h3>slan_tiny_shapes_long (model.safetensors)</h3>')
    with pytest.raises(AppError, match='Choose a picture first'):
        compare([model, model], None, TEXT)


def test_a_calibrated_model_says_how_probable_each_thing_is(tmp_path, picture):
    """Its table has the probability beside the box, and the page About says what it is."""
    config, weights = (str(ROOT / name) for name in TINY_MODEL)
    calibrated = init_model(read_config(config, {'model.presence': {}}), weights, 'cpu')
    calibrated.presence.set(0.07, 13.0)
    calibrated.save_pretrained(tmp_path / 'calibrated')
    model = AppModel(tmp_path / 'calibrated', device='cpu')
    text = 'a [green star] and a [red circle]'
    answer = ground(model, picture, text)
    told = [phrase['present'] for phrase in model.inferencer('grounding').model.ground(picture, text)]
    np.testing.assert_allclose(answer.present, told, atol=1e-5)
    assert told[0] < told[1]
    _, table = grounded_html(answer)
    assert re.findall(r'scope="col">([^<]+)<', table) == ['phrase', 'present', 'score', 'x1, y1, x2, y2']
    assert re.findall(r'</mark></td><td>([01]\.\d\d)</td>', table) == [f'{value:.2f}' for value in told]
    assert '**present** of a phrase' in about(model, False)


def test_the_published_model_tells_no_presence(model, answer):
    assert answer.present is None and '>present<' not in grounded_html(answer)[1]
    assert '**present**' not in about(model, True) and '### What a score means\n\n- **Box' in about(model, True)
