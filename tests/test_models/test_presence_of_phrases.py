"""Whether a phrase's thing is in the image: probabilities, what they do to answers, and that they travel."""

import pytest
import torch
from support.toy import build_toy_slan, toy_picture, toy_sample

from slan_mm.models.inference import evaluating
from slan_mm.models.phrase_grounding import phrase_answers


def samples(*numbers):
    texts = ['a red circle and a blue square', 'a green triangle']
    spans = [[[[0, 12]], [[17, 30]]], [[[2, 16]]]]
    return dict(
        inputs=[toy_picture(number) for number in numbers],
        data_samples=[
            toy_sample(n, texts[n], phrases=[dict(spans=one, boxes=torch.zeros(1, 4)) for one in spans[n]])
            for n in numbers
        ],
    )


@pytest.fixture(scope='module')
def model():
    model = build_toy_slan(presence=dict()).eval()
    model.presence.set(2.0, -0.5)
    return model


def test_a_phrase_is_asked_as_a_text_of_its_own_whatever_else_is_in_the_batch(model):
    first, second = model.val_step(samples(0, 1))
    with evaluating(model):
        image = model.encode_image(model.data_preprocessor(samples(0))['inputs'])
        scores = model.region_word_scores(image, model.encode_text(['a red circle', 'blue square']))[0]
    first_alone, second_alone = (model.val_step(samples(number))[0].pred_presence for number in (0, 1))
    expected = torch.sigmoid(2 * scores[0] - 0.5)
    torch.testing.assert_close(first.pred_presence[0], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(first.pred_presence, first_alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(second.pred_presence, second_alone, atol=1e-5, rtol=1e-5)
    assert first.pred_presence.shape == (2,) and second.pred_presence.shape == (1,)


def test_what_is_probably_not_there_has_no_box(model):
    (sample,) = model.val_step(samples(0))
    present = sample.pred_presence.tolist()
    assert present[0] != present[1]
    assert [answer['present'] for answer in phrase_answers(sample)] == present
    # Between both: only the likelier phrase keeps its boxes, all that --top asks for.
    answers = phrase_answers(sample, top=2, score_thr=sum(present) / 2)
    every = phrase_answers(sample, top=2)
    likelier = present[1] > present[0]
    assert answers[likelier] == every[likelier]
    assert answers[not likelier]['boxes'] == answers[not likelier]['scores'] == []


def test_of_a_phrase_without_a_token_no_probability_is_told(model):
    batch = samples(0)
    batch['data_samples'] = [
        toy_sample(0, 'a \ufffd and a red circle', phrases=[dict(spans=[[2, 3]]), dict(spans=[[8, 20]])])
    ]
    (sample,) = model.val_step(batch)
    nothing, circle = phrase_answers(sample)
    assert 'present' not in nothing and nothing['unread'] and 0 < circle['present'] < 1
    assert phrase_answers(sample, score_thr=0.0)[0]['boxes'] == []


def test_a_model_that_is_not_calibrated_tells_nothing():
    for plain in (build_toy_slan(), build_toy_slan(presence=dict())):
        (sample,) = plain.eval().val_step(samples(0))
        assert 'pred_presence' not in sample and 'present' not in phrase_answers(sample)[0]


def test_checkpoints_serve_models_with_and_without_it(model):
    plain, again = build_toy_slan(1), build_toy_slan(2, presence=dict())
    assert not any('presence' in name for name in plain.state_dict())
    again.load_state_dict(dict(plain.state_dict()), strict=True)
    assert not again.presence.calibrated
    again.load_state_dict(dict(model.state_dict()), strict=True)
    assert (float(again.presence.scale), float(again.presence.offset)) == (2.0, -0.5)
    plain.load_state_dict(dict(model.state_dict()), strict=True)
