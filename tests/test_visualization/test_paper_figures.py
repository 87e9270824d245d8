"""The paper's figures: what they say about a picture is what the model found, in the colours of its words."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from support.drawn import assert_texts_are_whole
from support.toy import build_toy_slan, toy_picture, toy_sample

from slan_mm.visualization import draw_panels, trace_items
from slan_mm.visualization.caption import PHRASE_COLORS
from slan_mm.visualization.locator_trace import LocatorTrace
from slan_mm.visualization.page_layout import DASHES, DOTS
from slan_mm.visualization.paper_figures import (
    ANSWER,
    BASELINE,
    GOLD,
    MAP_GOLD,
    activation_row,
    baseline_row,
    filter_row,
    heat,
    key_of,
    level_row,
    names_of,
    saliency_color,
    text_specific_row,
    training_row,
)

TEXT = 'a red circle and a blue square'
SPANS = [[[2, 12]], [[19, 30]]]


@pytest.fixture
def look():
    """Two phrases, two levels; the second one has no gold box. Six proposals, of which two were kept."""
    boxes = np.array([[[0.0, 0, 10, 10], [0, 0, 20, 10]], [[40.0, 20, 60, 30], [50, 20, 60, 30]]])
    kept = np.zeros(6, bool)
    kept[[1, 4]] = True
    activation = np.zeros((2, 4, 8), np.float32)
    activation[0, 0, 0], activation[1, 3, 7] = 0.5, 0.25
    return LocatorTrace(
        sample_id='s',
        name='s.jpg',
        image=np.zeros((40, 80, 3), np.uint8),
        shape=(40, 80),
        text=TEXT,
        spans=SPANS,
        gold=[np.array([[0.0, 0, 20, 20]]), np.zeros((0, 4))],
        boxes=boxes,
        scores=np.array([[0.5, 0.75], [0.25, 1.0]]),
        regions=[boxes[:, 0], boxes[:, 1]],
        proposals=np.arange(24.0).reshape(6, 4),
        saliency=np.array([0.1, 0.9, 0.2, 0.3, 1.0, 0.0]),
        kept=kept,
        activation=activation,
    )


def drawn(panel, style='solid'):
    """(colour, box) of a panel's boxes of one line style."""
    return [(box.color, [float(x) for x in box.box]) for box in panel.boxes if box.style == style]


def test_levels_show_a_box_a_phrase_in_the_colour_of_its_words(look):
    row = level_row(look)
    assert (row.text, row.spans) == (TEXT, SPANS)
    assert [panel.heading for panel in row.panels] == ['before any adaptor', 'after level 1']
    assert drawn(row.panels[0]) == [(PHRASE_COLORS[0], [0, 0, 10, 10]), (PHRASE_COLORS[1], [40, 20, 60, 30])]
    assert drawn(row.panels[1]) == [(PHRASE_COLORS[0], [0, 0, 20, 10]), (PHRASE_COLORS[1], [50, 20, 60, 30])]
    assert all(drawn(panel, DASHES) == [(PHRASE_COLORS[0], [0, 0, 20, 20])] for panel in row.panels)
    scores, overlaps = row.panels[1].numbers
    assert scores.values == [('0.75', PHRASE_COLORS[0]), ('1.00', PHRASE_COLORS[1])]
    # Half of the gold box; the other phrase has none.
    assert overlaps.values == [('.50', PHRASE_COLORS[0])]


def test_filter_shows_every_proposal_and_then_those_kept(look):
    before, after = filter_row(look).panels
    assert len(before.boxes) == 6 and '6 regions' in before.heading and '2 regions' in after.heading
    assert [box.box.tolist() for box in after.boxes] == [look.proposals[1].tolist(), look.proposals[4].tolist()]
    assert after.boxes[-1].color == saliency_color(1.0) != after.boxes[0].color, 'the most salient one lies on top'


def test_one_phrase_has_one_colour_in_all_texts(look):
    other = LocatorTrace(**{**vars(look), 'text': 'blue square', 'spans': [[[0, 11]]], 'boxes': look.boxes[1:]})
    other.scores = look.scores[1:]
    both, single = text_specific_row([look, other]).panels
    assert drawn(single) == [(PHRASE_COLORS[1], [50, 20, 60, 30])]
    assert single.spans == [[], [[0, 11]]], 'its words take the second colour, too'
    assert len(drawn(both, DOTS)) == 2 and [color for color, _ in drawn(both)] == list(PHRASE_COLORS[:2])


def test_maps_are_bright_where_words_respond(look):
    plain, first, second = activation_row(look).panels
    assert plain.image is look.image and not plain.boxes
    assert first.text == 'red circle' and second.text == 'blue square'
    assert second.spans == [[], [[0, 11]]]
    left, right = first.image.astype(int).sum(-1), second.image.astype(int).sum(-1)
    assert np.unravel_index(left.argmax(), left.shape)[1] < 10 and np.unravel_index(right.argmax(), right.shape)[1] > 70
    assert first.scale == ('0.00', '0.50') and plain.scale is None
    assert len(first.boxes) == 1 and not second.boxes


def test_a_map_without_any_contrast_is_even():
    assert np.ptp(heat(np.full((4, 4, 3), 9, np.uint8), np.ones((2, 2))).reshape(-1, 3), axis=0).max() == 0


def test_baselines_stand_beside_the_answer(look):
    answer, before, centre = baseline_row(look).panels
    assert drawn(answer)[0][1] == [0, 0, 20, 10] and drawn(before)[0][1] == [0, 0, 10, 10]
    assert [box for _, box in drawn(centre)] == [[20, 10, 60, 30]], 'half the sides of 80 x 40, in its middle'
    assert [numbers.values[0][0] for numbers in (*answer.numbers, *before.numbers, *centre.numbers)] == [
        '0.75',
        '.50',
        '0.50',
        '.25',
        '.00',
    ]
    assert look.mean_overlap == 0.5


def test_an_own_picture_has_scores_and_nothing_of_gold(look):
    own = LocatorTrace(**{**vars(look), 'gold': [np.zeros((0, 4))] * 2})
    rows = [baseline_row(own), level_row(own), activation_row(own)]
    assert [panel.heading for panel in rows[0].panels] == ['answer', 'before any adaptor']
    assert not any(box.style == DASHES for row in rows for panel in row.panels for box in panel.boxes)
    assert [[numbers.label for numbers in panel.numbers] for panel in rows[0].panels] == [['score'], ['score']]
    assert key_of([ANSWER, GOLD, MAP_GOLD, BASELINE], [own]) == [ANSWER]
    assert key_of([ANSWER, GOLD, MAP_GOLD, BASELINE], [own, look]) == [ANSWER, GOLD, MAP_GOLD, BASELINE]


def test_pictures_are_called_by_their_names(look):
    other = LocatorTrace(**{**vars(look), 'name': 't.jpg'})
    assert names_of([look, look, other]) == 's.jpg, t.jpg'


def test_a_scale_is_drawn_from_dark_to_light(look):
    canvas = draw_panels([activation_row(look)], panel_width=80.0)
    said = {text.get_text(): text.get_position() for text in canvas.figure.axes[0].texts}
    (left, height), (right, same) = said['0.00'], said['0.25']
    assert height == same and left < right
    bar = [image for image in canvas.figure.axes[0].images if image.get_array().shape == (1, 256, 3)]
    assert len(bar) == 2 and bar[0].get_array()[0, 0].sum() < bar[0].get_array()[0, -1].sum()
    assert_texts_are_whole(canvas)


def test_training_shows_the_answers_of_each_moment(look):
    early = LocatorTrace(**{**vars(look), 'boxes': look.boxes[:, :1]})
    row = training_row([early, look], ['0.1', '1'])
    assert [panel.heading for panel in row.panels] == ['0.1', '1']
    assert [drawn(panel)[0][1] for panel in row.panels] == [[0, 0, 10, 10], [0, 0, 20, 10]]


def test_page_draws_every_box_where_it_belongs_and_whole_texts(look):
    canvas = draw_panels(
        [level_row(look), activation_row(look)], 'Title ' * 12, 'said under it ' * 20, panel_width=80.0
    )
    assert_texts_are_whole(canvas)
    patches = [patch for patch in canvas.figure.axes[0].patches if hasattr(patch, 'get_xy') and not patch.get_fill()]
    # Two levels with a gold box and two answers each, and a gold box on one map.
    assert len(patches) == 7
    answer = patches[1]
    assert to_hex(answer.get_edgecolor()) == PHRASE_COLORS[0]
    assert (answer.get_width(), answer.get_height()) == pytest.approx((10, 10)), '10 of 80 pixels on 80 points'


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ValueError, match='no panel'):
        draw_panels([])


def test_a_look_is_what_the_model_predicts():
    model = build_toy_slan().train()
    phrases = [dict(spans=spans, boxes=torch.tensor([[0.0, 0, 8, 8]]), category=None, phrase_id='0') for spans in SPANS]
    items = [
        dict(inputs=toy_picture(index), data_samples=toy_sample(index, TEXT, phrases=phrases)) for index in range(2)
    ]
    traces = trace_items(model, items)
    assert model.training, 'left in the mode it was in'
    model.eval()
    batch = model.data_preprocessor(
        dict(
            inputs=[item['inputs'] for item in items],
            data_samples=[toy_sample(n, TEXT, phrases=phrases) for n in (0, 1)],
        )
    )
    with torch.no_grad():
        samples = model(**batch, mode='predict')
        image, text = model.encode_image(batch['inputs']), model.encode_text([TEXT] * 2)
        located = model.locate(image, text)
    for row, (look, sample) in enumerate(zip(traces, samples, strict=True)):
        levels = sample.pred_phrases[1]
        assert look.boxes.shape == (2, 3, 4)
        for level in range(3):
            np.testing.assert_allclose(look.boxes[1, level], levels[level]['boxes'][0].numpy(), rtol=1e-5)
            assert look.scores[1, level] == pytest.approx(float(levels[level]['scores'][0]), abs=1e-5)
        count = int(located.region_mask[row].sum())
        assert look.kept.sum() == count == len(look.regions[0]) and look.saliency.max() == 1
        kept = located.index[row, located.region_mask[row]]
        assert sorted(look.kept.nonzero()[0]) == sorted(kept.tolist())
        # Gold and proposals are in pixels of the original, which is 64 wide and 48 high.
        assert look.proposals.shape == (13, 4) and look.proposals[:, 2].max() > 48 >= look.proposals[:, 3].max()
        words = text.word_space['lexical'][row, text.word_mask[row]]
        assert look.activation.shape[0] == 2 and np.abs(look.activation).max() <= 2 and len(words) > 2
        np.testing.assert_allclose(look.activation.mean((1, 2)), 0, atol=1e-5)  # centred
        # Each word as it is read; a phrase's map is the mean of its words', and its first box that of all its boxes.
        assert [TEXT[start:end] for start, end in look.words] == TEXT.split()
        of_phrase = [number for number, (start, end) in enumerate(look.words) if 2 <= start < end <= 12]
        np.testing.assert_allclose(look.word_activation[of_phrase].mean(0), look.activation[0], atol=1e-5)
        for phrase, levels in enumerate(look.ranked):
            for level, (boxes, scores) in enumerate(levels):
                np.testing.assert_allclose(boxes[0], look.boxes[phrase, level], rtol=1e-5)
                assert len(boxes) == len(scores) > 0 and (np.diff(scores) <= 0).all()
        assert look.unread == []
