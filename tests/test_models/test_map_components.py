"""Connected parts of a phrase's map as further regions of the phrase."""

from dataclasses import dataclass, field

import pytest
import torch
from support.toy import build_toy_slan, toy_picture, toy_sample

from slan_mm.models import MapComponents
from slan_mm.models.map_components import add_components
from slan_mm.models.phrase_grounding import phrase_answers
from slan_mm.models.phrase_number import set_counts

#: Two things of one map of 4 x 8 cells, the left one with a stronger half; boxes below are in cells.
RESPONSE = torch.tensor(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.7, 0.0, 0.0, 0.5, 0.5, 0.0],
        [0.0, 1.0, 0.7, 0.0, 0.0, 0.5, 0.5, 0.0],
        [0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
LEFT, HALF, RIGHT = [1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 2.0, 3.0], [5.0, 1.0, 7.0, 3.0]
CELLS = torch.tensor([8.0, 4.0, 8.0, 4.0])


def test_boxes_of_connected_cells_and_their_agreement_by_hand():
    boxes, agreement = MapComponents(shares=(0.3, 0.4, 0.6, 0.9))(RESPONSE)
    assert (boxes * CELLS).tolist() == [HALF, LEFT, RIGHT], 'at .3 and .4 the same two boxes, counted once'
    torch.testing.assert_close(agreement, torch.tensor([1.5, 1.5, 1.0]) / 3)


def test_a_map_without_response_has_none():
    boxes, agreement = MapComponents()(-RESPONSE.abs())
    assert (boxes.shape, agreement.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(
    ('setting', 'said'),
    [
        (dict(shares=()), 'shares of the peak must be between 0 and 1'),
        (dict(shares=(0.5, 1.0)), 'shares of the peak must be between 0 and 1'),
    ],
)
def test_wrong_settings_are_refused(setting, said):
    with pytest.raises(ValueError, match=said):
        MapComponents(**setting)


@dataclass
class Sample:
    """A picture of 8 x 4 pixels, a phrase of it, and the regions that a locator found."""

    text: str
    ori_shape: tuple = (4, 8)
    pred_phrases: list = field(default_factory=list)

    def __post_init__(self):
        self.phrases = [dict(spans=[[0, len(self.text)]])]
        self.pred_phrases = [[dict(boxes=torch.tensor([[1.0, 1.0, 7.0, 3.0]]), scores=torch.tensor([0.8]))]]

    def get(self, name):
        return getattr(self, name)

    def set_field(self, value, name):
        setattr(self, name, value)


def test_one_thing_keeps_its_best_region_and_several_have_boxes_of_their_own():
    one, two, unread = samples = [Sample('a dog'), Sample('two dogs'), Sample('two cats')]
    set_counts(samples, several=3)
    add_components(MapComponents(shares=(0.4,)), [[RESPONSE], [RESPONSE], [None]], samples)
    assert [sample.pred_counts for sample in samples] == [[1], [2], [2]]

    # Boxes without overlap agree by half, and lose as much.
    (level,) = one.pred_phrases[0]
    assert level['boxes'].tolist() == [[1, 1, 7, 3], LEFT, RIGHT]
    torch.testing.assert_close(level['scores'], torch.tensor([0.8, 0.3, 0.3]))
    (level,) = two.pred_phrases[0]
    assert level['boxes'].tolist() == [LEFT, RIGHT, [1, 1, 7, 3]]
    torch.testing.assert_close(level['scores'], torch.tensor([0.3, 0.3, -0.2]))
    assert len(unread.pred_phrases[0][0]['boxes']) == 1


def predict(model, text, *spans):
    phrases = [dict(spans=[span], boxes=torch.zeros(1, 4), category=None) for span in spans]
    (sample,) = model.val_step(dict(inputs=[toy_picture(0)], data_samples=[toy_sample(0, text, phrases=phrases)]))
    return sample


@pytest.mark.parametrize('alone', [False, True])
@torch.no_grad()
def test_a_plural_is_answered_by_several_of_the_models_regions(alone):
    text = 'a red circle and two blue squares'
    plain, rich, parts = (
        build_toy_slan(phrases_alone=alone, **options).eval()
        for options in ({}, dict(several=3), dict(several=3, components=dict(type='MapComponents')))
    )
    for model in (rich, parts):
        model.load_state_dict(plain.state_dict())
    before, after, more = (predict(model, text, [0, 12], [17, 33]) for model in (plain, rich, parts))
    assert 'pred_counts' not in before and after.pred_counts == more.pred_counts == [1, 2]
    assert [len(answer['boxes']) for answer in phrase_answers(before)] == [1, 1]
    circle, squares = phrase_answers(after)
    assert circle['boxes'] == phrase_answers(before)[0]['boxes'] and len(squares['boxes']) == 2
    assert squares['boxes'] == phrase_answers(before, top=2)[1]['boxes']
    assert [len(answer['boxes']) for answer in phrase_answers(after, top=1)] == [1, 1]
    # With components the last level has more regions, the others are what they were.
    assert phrase_answers(more)[0]['boxes'] == circle['boxes'] and len(phrase_answers(more)[1]['boxes']) == 2
    for old, same, new in zip(before.pred_phrases, after.pred_phrases, more.pred_phrases, strict=True):
        for one, *others in zip(old[:-1], same[:-1], new[:-1], strict=True):
            assert all(torch.equal(one['boxes'], other['boxes']) for other in others)
        assert torch.equal(old[-1]['boxes'], same[-1]['boxes']) and len(new[-1]['boxes']) > len(old[-1]['boxes'])
        assert new[-1]['scores'].tolist() == sorted(new[-1]['scores'].tolist(), reverse=True)


@pytest.mark.parametrize(
    ('options', 'said'),
    [(dict(several=0), 'several must be at least 1'), (dict(components=dict(type='MapComponents')), 'set several')],
)
def test_a_wrong_number_and_components_without_one_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        build_toy_slan(**options)
