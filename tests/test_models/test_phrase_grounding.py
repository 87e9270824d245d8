"""From located pairs to boxes of phrases."""

from dataclasses import replace

import pytest
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from support.toy import build_toy_slan, toy_batch, toy_config, toy_picture, toy_sample

from slan_mm.models.phrase_grounding import phrase_answers, rank_regions
from slan_mm.models.phrase_words import mix_words, span_tokens
from slan_mm.structures import TextTokens

OFFSETS = torch.tensor([[0, 0], [0, 1], [2, 5], [6, 12], [13, 16], [0, 0]])  # '[CLS] a red circle and [SEP]'
WORDS = torch.tensor([False, True, True, True, True, False])


@pytest.mark.parametrize(
    ('spans', 'expected'),
    [
        ([[2, 12]], [2, 3]),
        ([[2, 5], [13, 16]], [2, 4]),
        ([[3, 4]], [2]),  # within a word
        ([[4, 7]], [2, 3]),  # half of each of two words
        ([[0, 1]], [1]),  # not the special tokens, whose offsets are (0, 0)
        ([[5, 6]], []),  # a blank
        ([[40, 50]], []),  # cut off
        ([], []),
    ],
)
def test_tokens_of_spans(spans, expected):
    assert span_tokens(OFFSETS, WORDS, spans).nonzero().flatten().tolist() == expected


def grounding_batch():
    texts = ['a red circle and a blue square', 'a green triangle']
    phrases = [
        [
            dict(spans=[[0, 12]], boxes=torch.zeros(1, 4), category=None, phrase_id='0'),
            dict(spans=[[17, 30]], boxes=torch.zeros(0, 4), category=None, phrase_id='1'),
            dict(spans=[[300, 310]], boxes=torch.zeros(1, 4), category=None, phrase_id='2'),
        ],
        [],
    ]
    return dict(
        inputs=[toy_picture(0), toy_picture(1)],
        data_samples=[toy_sample(n, text, phrases=phrases[n]) for n, text in enumerate(texts)],
    )


@pytest.fixture(scope='module')
def model():
    return build_toy_slan().eval()


def test_prediction_format(model):
    samples = model.val_step(grounding_batch())
    first, second = samples
    assert [len(sample.pred_phrases) for sample in samples] == [3, 0]
    for phrase in first.pred_phrases[:2]:
        assert len(phrase) == 3  # before any adaptor, and after each of two
        count = len(phrase[0]['scores'])
        assert 1 <= count <= 8
        for level in phrase:
            assert level['boxes'].shape == (count, 4) and level['scores'].shape == (count,)
            assert (level['scores'].diff() <= 0).all()
            x1, y1, x2, y2 = level['boxes'].unbind(-1)
            # Original pixels: 64 wide, 48 high.
            assert (x1 < x2).all() and (y1 < y2).all()
            assert x1.min() >= -1e-4 and x2.max() <= 64 + 1e-4 and y1.min() >= -1e-4 and y2.max() <= 48 + 1e-4
    for sample in samples:
        boxes = sample.pred_regions['boxes']
        assert 1 <= len(boxes) <= 8 and boxes.min() >= -1e-6 and boxes.max() <= 1 + 1e-6
    assert (first.pred_phrases[0][0]['boxes'][..., 3].max() - first.pred_regions['boxes'][..., 3].max()).abs() < 48


@torch.no_grad()
@pytest.mark.parametrize('map_terms', [('lexical',), ('lexical', 'contextual')])
def test_scores_are_the_sum_of_both_terms_cosines_over_the_phrases_words(map_terms):
    # Whatever regions were moved by.
    model = build_toy_slan(map_terms=map_terms).eval()
    batch = grounding_batch()
    data = model.data_preprocessor(batch)
    image = model.encode_image(data['inputs'])
    tokens = model.tokenize([sample.text for sample in data['data_samples']])
    text = model.encode_text(tokens)
    located = model.locate(image, text)
    first = model.val_step(batch)[0]
    kept = located.region_mask[0]
    cosines = torch.einsum('chw,tc->thw', image.space_maps['lexical'][-1][0], text.word_space['lexical'][0])
    cosines = cosines - cosines.mean((1, 2), keepdim=True)
    words = {0: [1, 2, 3], 1: [5, 6, 7]}
    for phrase, chosen in words.items():
        past = torch.zeros(())
        for level in range(3):
            boxes = located.boxes[level][:1]
            pooled = model.image_branch.pooling(cosines[None], boxes)[0, kept]
            for feature_map in image.pyramid:
                regions = model.image_branch.pooling(feature_map[:1], boxes)[0, kept]
                regions = torch.nn.functional.normalize(model.image_branch.spaces['contextual'](regions), dim=-1)
                pooled = pooled + regions @ text.word_space['contextual'][0].T / len(image.pyramid)
            # The mean over the levels so far.
            past = past + pooled
            scores, order = (past / (level + 1))[:, chosen].mean(-1).sort(descending=True)
            prediction = first.pred_phrases[phrase][level]
            torch.testing.assert_close(prediction['scores'], scores, atol=1e-5, rtol=1e-4)
            cx, cy, w, h = boxes[0, kept][order].unbind(-1)
            corners = torch.stack([(cx - w / 2) * 64, (cy - h / 2) * 48, (cx + w / 2) * 64, (cy + h / 2) * 48], -1)
            torch.testing.assert_close(prediction['boxes'], corners, atol=1e-3, rtol=0)


@torch.no_grad()
def test_phrases_alone_are_located_by_their_own_words():
    model = build_toy_slan().eval()
    together = model.val_step(grounding_batch())
    model.phrases_alone = True
    alone = model.val_step(grounding_batch())
    assert [len(sample.pred_phrases) for sample in alone] == [3, 0]

    # The sentence is read whole, and only the phrase's words take part in the locator.
    data = model.data_preprocessor(grounding_batch())
    text = model.encode_text([sample.text for sample in data['data_samples']])[:1]
    blue = torch.arange(text.word_mask.shape[1]).eq(torch.tensor([[5], [6], [7]])).any(0)  # 'a blue square'
    located = model.locate(model.encode_image(data['inputs'])[:1], replace(text, word_mask=blue[None]))
    for level, boxes in zip(alone[0].pred_phrases[1], located.boxes, strict=True):
        kept = bbox_cxcywh_to_xyxy(boxes[0, located.region_mask[0]]) * torch.tensor([64.0, 48.0, 64.0, 48.0])
        torch.testing.assert_close(level['boxes'].sort(0).values, kept.sort(0).values, atol=2e-3, rtol=0)

    # A phrase that was cut off has no regions, and the sample has those of the whole text.
    assert [len(level['boxes']) for level in alone[0].pred_phrases[2]] == [0, 0, 0]
    assert alone[0].unread == together[0].unread and alone[0].unread[:2] == [None, None]
    for sample, same in zip(alone, together, strict=True):
        torch.testing.assert_close(sample.pred_regions['boxes'], same.pred_regions['boxes'])
    moved = zip(alone[0].pred_phrases[1], together[0].pred_phrases[1], strict=True)
    assert any(a['boxes'].shape != b['boxes'].shape or not torch.allclose(a['boxes'], b['boxes']) for a, b in moved)


@torch.no_grad()
def test_words_of_a_phrase_alone_join_those_in_the_sentence():
    model = build_toy_slan(phrases_alone=True, alone_share=0.25).eval()
    mixed = model.val_step(grounding_batch())
    data = model.data_preprocessor(grounding_batch())
    sentence = model.encode_text([sample.text for sample in data['data_samples']])[:1]
    alone = model.encode_text(['a blue square'])
    blue = torch.arange(sentence.word_mask.shape[1]).eq(torch.tensor([[5], [6], [7]])).any(0)
    words = {term: value.clone() for term, value in sentence.word_space.items()}
    for term in words:
        words[term][0, blue] = 0.75 * words[term][0, blue] + 0.25 * alone.word_space[term][0, 1:4]
    text = replace(sentence, word_mask=blue[None], word_space=words)
    located = model.locate(model.encode_image(data['inputs'])[:1], text)
    for level, boxes in zip(mixed[0].pred_phrases[1], located.boxes, strict=True):
        kept = bbox_cxcywh_to_xyxy(boxes[0, located.region_mask[0]]) * torch.tensor([64.0, 48.0, 64.0, 48.0])
        torch.testing.assert_close(level['boxes'].sort(0).values, kept.sort(0).values, atol=2e-3, rtol=0)
    # One that was cut off still has no box.
    assert [len(level['boxes']) for level in mixed[0].pred_phrases[2]] == [0, 0, 0]
    # A phrase of another number of words than in its sentence stays as it was read there.
    other = model.encode_text(['a square'])
    assert torch.equal(
        mix_words(replace(sentence, word_mask=blue[None]), other, 0.25).word_space['lexical'],
        sentence.word_space['lexical'],
    )


@pytest.mark.parametrize(
    ('options', 'said'),
    [(dict(alone_share=0.5), 'set phrases_alone=True'), (dict(phrases_alone=True, alone_share=1.5), 'between 0 and 1')],
)
def test_shares_that_cannot_be(options, said):
    with pytest.raises(ValueError, match=said):
        build_toy_slan(**options)


BEHIND = 'behind the last token that the text encoder reads (its max_words)'
LONG = 'a red circle and ' * 5 + 'a blue square'  # the toy reads 18 words


@pytest.mark.parametrize('alone', [False, True])
@pytest.mark.parametrize(
    ('text', 'span', 'boxes', 'unread'),
    [
        ('', [0, 3], 0, 'the tokenizer makes no token of it'),
        ('a \u200b circle', [2, 3], 0, 'the tokenizer makes no token of it'),
        ('a circle', [1, 2], 0, 'the tokenizer makes no token of it'),
        (LONG, [len(LONG) - 11, len(LONG)], 0, f'it lies {BEHIND}'),
        (LONG, [64, 80], 1, f"without 'circle', which lies {BEHIND}"),
        (LONG, [2, 12], 1, None),
    ],
)
def test_a_phrase_that_is_not_read_has_no_box_and_a_reason(model, alone, text, span, boxes, unread):
    sample = toy_sample(0, text, phrases=[dict(spans=[span], boxes=torch.zeros(1, 4), category=None, phrase_id='0')])
    model.phrases_alone = alone
    (sample,) = model.val_step(dict(inputs=[toy_picture(0)], data_samples=[sample]))
    model.phrases_alone = False
    assert all(min(len(level['boxes']), 1) == min(len(level['scores']), 1) == boxes for level in sample.pred_phrases[0])
    assert sample.unread == [unread]
    (answer,) = phrase_answers(sample)
    assert len(answer['boxes']) == len(answer['scores']) == boxes and answer.get('unread') == unread


def test_a_sample_without_phrases_field_is_predicted(model):
    samples = model.val_step(toy_batch([0, 1]))
    assert all(sample.pred_phrases == [] and len(sample.pred_regions['boxes']) for sample in samples)


def test_words_of_a_phrase_count_by_their_weight():
    sample = toy_sample(0, 'a red circle and', phrases=[dict(spans=[[2, 12]]), dict(spans=[[0, 1], [13, 16]])])
    boxes = torch.tensor([[[0.2, 0.5, 0.1, 0.1], [0.8, 0.5, 0.1, 0.1]]])
    # Of 'red' .4 and .2, of 'circle' .1 and .9.
    scores = torch.tensor([[[0.0, 0.0, 0.4, 0.1, 0.0, 0.0], [0.0, 0.0, 0.2, 0.9, 0.0, 0.0]]])
    tokens = TextTokens(
        input_ids=torch.zeros(1, 6, dtype=torch.long),
        mask=torch.ones(1, 6, dtype=torch.bool),
        word_mask=WORDS[None],
        offsets=OFFSETS[None],
    )

    def ranked(weight):
        (found,) = rank_regions([boxes], [scores], torch.tensor([[True, True]]), tokens, WORDS[None], [sample], weight)
        return [level['scores'].tolist() for (level,) in found.pred_phrases]

    assert ranked(None)[0] == pytest.approx([0.55, 0.25])
    red, nothing = ranked(torch.tensor([[9.0, 0.0, 3.0, 1.0, 0.0, 9.0]]))
    assert red == pytest.approx([(3 * 0.2 + 0.9) / 4, (3 * 0.4 + 0.1) / 4])
    assert nothing == [0.0, 0.0]  # words that count nothing tell nothing


@torch.no_grad()
@pytest.mark.parametrize('alone', [False, True])
def test_the_peak_of_a_phrase_is_where_its_words_are_loudest(model, alone):
    model.phrases_alone = alone
    sample = model.val_step(grounding_batch())[0]
    model.phrases_alone = False
    data = model.data_preprocessor(grounding_batch())
    maps = model.encode_image(data['inputs']).space_maps['lexical'][-1][0]
    words = model.encode_text([one.text for one in data['data_samples']]).word_space['lexical'][0]
    height, width = maps.shape[-2:]
    for phrase, chosen in enumerate(([1, 2, 3], [5, 6, 7])):
        cell = int(torch.einsum('chw,tc->hw', maps, words[chosen]).argmax())
        x, y = sample.pred_peaks[phrase][0].tolist()
        assert (x, y) == (
            pytest.approx((cell % width + 0.5) * 64 / width),
            pytest.approx((cell // width + 0.5) * 48 / height),
        )
    assert sample.pred_peaks[2].shape == (0, 2)  # cut off


@torch.no_grad()
def test_the_calibration_of_region_word_terms_weighs_words():
    config = toy_config()
    config['objective']['calibrated'] = ('contextual',)
    model = build_toy_slan(config=config).eval()
    text = model.encode_text(['a red circle'])
    calibration = model.objective.region_word['contextual'].calibration
    torch.testing.assert_close(model.objective.word_weight(text), torch.ones(text.word_mask.shape))
    torch.nn.init.normal_(calibration.weight)
    expected = (text.word_space['contextual'] @ calibration.weight[0]).exp()
    torch.testing.assert_close(model.objective.word_weight(text), expected)
    same = model.val_step(grounding_batch())[0].pred_phrases[0][-1]['scores'].clone()
    calibration.weight.zero_()
    assert not torch.allclose(model.val_step(grounding_batch())[0].pred_phrases[0][-1]['scores'], same)


@torch.no_grad()
@pytest.mark.parametrize('power', [0.0, 0.25])
def test_weights_of_words_are_tempered_by_word_power(power):
    config = toy_config()
    config['objective'] |= dict(calibrated=('contextual',), word_power=power)
    model = build_toy_slan(config=config).eval()
    text = model.encode_text(['a red circle'])
    torch.nn.init.normal_(model.objective.region_word['contextual'].calibration.weight)
    tempered = model.objective.word_weight(text)
    model.objective.word_power = 1.0
    full = model.objective.word_weight(text)
    assert full.std() > 0.01
    torch.testing.assert_close(tempered, full**power)
